import { InvalidArgumentError } from 'commander';

/** So that two runs of which nobody named a seed are the same question. */
export const defaultSeed = 20_261_122;

export const whole = (min: number, max: number) => (text: string) => {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < min || value > max) {
    throw new InvalidArgumentError(`Give a whole number from ${min} to ${max}.`);
  }
  return value;
};

export const between = (min: number, max: number) => (text: string) => {
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || value < min || value > max)
    throw new InvalidArgumentError(`Give a number from ${min} to ${max}.`);
  return value;
};

export const listOf =
  <Name extends string>(what: string, known: readonly Name[]) =>
  (text: string): Name[] => {
    const names = [...new Set(text.split(',').map((name) => name.trim()))];
    const unknown = names.filter((name) => !(known as readonly string[]).includes(name));
    if (unknown.length > 0)
      throw new InvalidArgumentError(`Unknown ${what} '${unknown.join("', '")}'. There are: ${known.join(', ')}.`);
    return known.filter((name) => names.includes(name));
  };
