/** One service that can be used. */
export interface Resolved {
  readonly url: string;
  /** For a person: where it came from, with its version. */
  readonly how: string;
  /** Of a server in a container, whose own idea of its pid means nothing out here. */
  readonly pid?: number;
  /** Ends it as a crash would and starts it again at the same address, with what is on its disk. Only of embedded servers. */
  readonly restart?: () => Promise<void>;
}

/** A way to have servers of our own. */
export interface Source {
  postgres(): Promise<Resolved>;
  redis(): Promise<Resolved>;
  /** Ends what was started, also what was only half started. */
  stop(): Promise<void>;
}
