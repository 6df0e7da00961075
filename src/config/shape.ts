/**
 * What a JSON document must look like, said once: it is validated by it, typed by it, and the JSON schema that is
 * shipped is made of it.
 *
 * @packageDocumentation
 */
import { nearest } from '../core/text.js';

/** A JSON schema (2020-12), as far as it is used here. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** Told each mistake, with the path of the value. */
export type ReportMistake = (path: string, mistake: string) => void;

/** What a value must be. `T`: its type when it is. */
export interface Shape<T> {
  readonly schema: JsonSchema;
  /** Tells every mistake in the value. */
  check(value: unknown, path: string, tell: ReportMistake): void;
  /** Never there: carries the type. */
  readonly type?: T;
}

/** The type of the values of a shape. */
export type ValueOf<S> = S extends Shape<infer T> ? T : never;

/** A key of a group. */
export interface Key<T> {
  readonly shape: Shape<T>;
  /** One sentence for the schema. */
  readonly about: string;
  /** What holds where it is not said. */
  readonly default: T | undefined;
}

type Keys = Readonly<Record<string, Key<unknown>>>;
type TypeOf<K> = K extends Key<infer T> ? T : never;
type Expand<T> = { [P in keyof T]: T[P] };

export const key = <T>(about: string, shape: Shape<T>, usual?: T): Key<T> => ({
  shape,
  about,
  default: usual,
});

/** A text that is not empty. `what` says what is asked for beyond that, where there is a pattern. */
export function text(pattern?: RegExp, what = 'a text'): Shape<string> {
  const schema = {
    type: 'string',
    minLength: 1,
    ...(pattern === undefined ? {} : { pattern: pattern.source }),
  };
  return simple(
    schema,
    (value) => typeof value === 'string' && value !== '' && (pattern?.test(value) ?? true),
    what,
  );
}

export function oneOf<const T extends string>(names: readonly T[]): Shape<T> {
  return simple(
    { enum: names },
    (value) => names.some((name) => name === value),
    `one of ${names.join(', ')}`,
  );
}

/** @param unit - of the number, such as `seconds` */
export function wholeNumber(least: number, most: number | null = null, unit = ''): Shape<number> {
  const top = most ?? Number.MAX_SAFE_INTEGER;
  const range = most === null ? `${least} or more` : `from ${least} to ${most}`;
  return simple(
    { type: 'integer', minimum: least, maximum: top },
    (value) => Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= top,
    `a whole number${unit === '' ? '' : ` of ${unit}`}, ${range}`,
  );
}

export const flag: Shape<boolean> = simple(
  { type: 'boolean' },
  (value) => typeof value === 'boolean',
  'true or false',
);

/** A list with one item at least. `what` names its items, such as `names`. */
export function listOf<T>(item: Shape<T>, what: string): Shape<T[]> {
  return {
    schema: { type: 'array', items: item.schema, minItems: 1 },
    check: (value, path, tell) => {
      if (!Array.isArray(value) || value.length === 0) return tell(path, `must be a list of ${what}`);
      for (const [at, each] of value.entries()) item.check(each, `${path}[${at}]`, tell);
    },
  };
}

/** An object whose keys are names of the user's choice. */
export function mapOf<T>(each: Shape<T>, what: string): Shape<Record<string, T>> {
  return {
    schema: { type: 'object', additionalProperties: each.schema },
    check: (value, path, tell) => {
      if (!isObject(value)) return tell(path, `must be one object: ${what}`);
      for (const [name, inner] of Object.entries(value)) each.check(inner, join(path, name), tell);
    },
  };
}

/** A text, or an object that says more. */
export function textOr<T extends object>(short: Shape<string>, long: Shape<T>): Shape<string | T> {
  return {
    schema: { anyOf: [short.schema, long.schema] },
    check: (value, path, tell) => (isObject(value) ? long : short).check(value, path, tell),
  };
}

/**
 * An object whose keys are known.
 * @param together - for a key those that must be there with it
 */
export function group<R extends Keys, O extends Keys>(
  required: R,
  optional: O,
  together: Readonly<Record<string, readonly string[]>> = {},
): Shape<Expand<{ [P in keyof R]: TypeOf<R[P]> } & { [P in keyof O]?: TypeOf<O[P]> }>> {
  const keys: Keys = { ...required, ...optional };
  const needed = Object.keys(required);
  const properties = Object.fromEntries(
    Object.entries(keys).map(([name, { shape, about, default: usual }]) => [
      name,
      { ...shape.schema, description: about, ...(usual === undefined ? {} : { default: usual }) },
    ]),
  );
  const schema = {
    type: 'object',
    properties,
    additionalProperties: false,
    ...(needed.length === 0 ? {} : { required: needed }),
    ...(Object.keys(together).length === 0 ? {} : { dependentRequired: together }),
  };
  const check = (value: unknown, path: string, tell: ReportMistake): void => {
    if (!isObject(value)) return tell(path, 'must be one object');
    for (const [name, inner] of Object.entries(value)) {
      // Own keys only: `constructor` is in every object.
      const known = Object.hasOwn(keys, name) ? keys[name] : undefined;
      if (known === undefined) tell(path, unknownKey(name, Object.keys(keys)));
      else known.shape.check(inner, join(path, name), tell);
    }
    for (const name of needed) if (!Object.hasOwn(value, name)) tell(join(path, name), 'is missing');
    for (const [name, others] of Object.entries(together)) {
      if (!Object.hasOwn(value, name)) continue;
      for (const other of others) {
        if (!Object.hasOwn(value, other)) tell(join(path, name), `goes with ${join(path, other)} only`);
      }
    }
  };
  return { schema, check };
}

/** All mistakes of a document, each as one clause with its path. */
export function mistakesIn(document: unknown, shape: Shape<unknown>): string[] {
  const mistakes: string[] = [];
  shape.check(document, '', (path, mistake) => mistakes.push(clause(path, mistake)));
  return mistakes;
}

function clause(path: string, mistake: string): string {
  if (path === '') return mistake;
  return mistake.startsWith('there is') ? `${path}: ${mistake}` : `${path} ${mistake}`;
}

function simple<T>(schema: JsonSchema, is: (value: unknown) => boolean, what: string): Shape<T> {
  return { schema, check: (value, path, tell) => (is(value) ? undefined : tell(path, `must be ${what}`)) };
}

function unknownKey(name: string, known: readonly string[]): string {
  const near = nearest(name, known);
  return `there is no key ${JSON.stringify(name)}${near === null ? '' : `, did you mean "${near}"?`}`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function join(path: string, name: string): string {
  const plain = /^[A-Za-z_$][\w$]*$/.test(name);
  if (!plain) return `${path}[${JSON.stringify(name)}]`;
  return path === '' ? name : `${path}.${name}`;
}
