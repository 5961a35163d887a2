/** One colour per engine, the same in every chart and table; readable on light and dark paper, and told apart without red and green. */
const colours: Readonly<Record<string, string>> = {
  legacy: '#c2562d',
  'legacy-lean': '#c99a1f',
  orchestration: '#2f6fd0',
  choreography: '#1f9d8f',
  coexist: '#8b5fbf',
};

export const colourOf = (engine: string): string => colours[engine] ?? '#7a828e';
