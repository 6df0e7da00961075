/**
 * Descriptions of JSON documents. One description validates the document, gives its TypeScript type and makes the JSON
 * schema.
 *
 * @packageDocumentation
 */
import { nearest } from '../core/text.js';

/** A JSON schema (2020-12). */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** Called for each mistake, with the path of the value. */
export type ReportMistake = (path: string, mistake: string) => void;

/** The requirements of a value. `T`: the type of valid values. */
export interface Shape<T> {
  readonly schema: JsonSchema;
  /** Reports all mistakes in a value. */
  check(value: unknown, path: string, report: ReportMistake): void;
  /** Never set; carries the type. */
  readonly type?: T;
}

/** The type of the values of a shape. */
export type ValueOf<S> = S extends Shape<infer T> ? T : never;

/** A key of a group. */
export interface Key<T> {
  readonly shape: Shape<T>;
  /** Description in the schema. */
  readonly about: string;
  /** Value if the key is missing. */
  readonly default: T | undefined;
}

type Keys = Readonly<Record<string, Key<unknown>>>;
type TypeOf<K> = K extends Key<infer T> ? T : never;
type Expand<T> = { [P in keyof T]: T[P] };

export const key = <T>(about: string, shape: Shape<T>, defaultValue?: T): Key<T> => ({
  shape,
  about,
  default: defaultValue,
});

/** A text that is not empty. `what` describes the pattern. */
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
export function wholeNumber(min: number, max: number | null = null, unit = ''): Shape<number> {
  const top = max ?? Number.MAX_SAFE_INTEGER;
  const range = max === null ? `${min} or more` : `from ${min} to ${max}`;
  return simple(
    { type: 'integer', minimum: min, maximum: top },
    (value) => Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= top,
    `a whole number${unit === '' ? '' : ` of ${unit}`}, ${range}`,
  );
}

export const flag: Shape<boolean> = simple(
  { type: 'boolean' },
  (value) => typeof value === 'boolean',
  'true or false',
);

/** A list with at least one item. `what` names its items, such as `names`. */
export function listOf<T>(item: Shape<T>, what: string): Shape<T[]> {
  return {
    schema: { type: 'array', items: item.schema, minItems: 1 },
    check: (value, path, report) => {
      if (!Array.isArray(value) || value.length === 0) return report(path, `must be a list of ${what}`);
      for (const [at, each] of value.entries()) item.check(each, `${path}[${at}]`, report);
    },
  };
}

/** An object with arbitrary names as keys. */
export function mapOf<T>(each: Shape<T>, what: string): Shape<Record<string, T>> {
  return {
    schema: { type: 'object', additionalProperties: each.schema },
    check: (value, path, report) => {
      if (!isObject(value)) return report(path, `must be one object: ${what}`);
      for (const [name, inner] of Object.entries(value)) each.check(inner, join(path, name), report);
    },
  };
}

/** A text, or an object with more details. */
export function textOr<T extends object>(short: Shape<string>, long: Shape<T>): Shape<string | T> {
  return {
    schema: { anyOf: [short.schema, long.schema] },
    check: (value, path, report) => (isObject(value) ? long : short).check(value, path, report),
  };
}

/**
 * An object with known keys.
 * @param together - for a key, the keys that it requires
 */
export function group<R extends Keys, O extends Keys>(
  required: R,
  optional: O,
  together: Readonly<Record<string, readonly string[]>> = {},
): Shape<Expand<{ [P in keyof R]: TypeOf<R[P]> } & { [P in keyof O]?: TypeOf<O[P]> }>> {
  const keys: Keys = { ...required, ...optional };
  const needed = Object.keys(required);
  const properties = Object.fromEntries(
    Object.entries(keys).map(([name, { shape, about, default: defaultValue }]) => [
      name,
      {
        ...shape.schema,
        description: about,
        ...(defaultValue === undefined ? {} : { default: defaultValue }),
      },
    ]),
  );
  const schema = {
    type: 'object',
    properties,
    additionalProperties: false,
    ...(needed.length === 0 ? {} : { required: needed }),
    ...(Object.keys(together).length === 0 ? {} : { dependentRequired: together }),
  };
  const check = (value: unknown, path: string, report: ReportMistake): void => {
    if (!isObject(value)) return report(path, 'must be one object');
    for (const [name, inner] of Object.entries(value)) {
      // Own keys only: every object inherits `constructor`.
      const known = Object.hasOwn(keys, name) ? keys[name] : undefined;
      if (known === undefined) report(path, unknownKey(name, Object.keys(keys)));
      else known.shape.check(inner, join(path, name), report);
    }
    for (const name of needed) if (!Object.hasOwn(value, name)) report(join(path, name), 'is missing');
    for (const [name, others] of Object.entries(together)) {
      if (!Object.hasOwn(value, name)) continue;
      for (const other of others) {
        if (!Object.hasOwn(value, other)) report(join(path, name), `requires ${join(path, other)}`);
      }
    }
  };
  return { schema, check };
}

/** All mistakes in a document, each with its path. */
export function mistakesIn(document: unknown, shape: Shape<unknown>): string[] {
  const mistakes: string[] = [];
  shape.check(document, '', (path, mistake) => mistakes.push(clause(path, mistake)));
  return mistakes;
}

function clause(path: string, mistake: string): string {
  if (path === '') return mistake;
  return mistake.startsWith('there is') ? `${path}: ${mistake}` : `${path} ${mistake}`;
}

function simple<T>(schema: JsonSchema, isValid: (value: unknown) => boolean, what: string): Shape<T> {
  return {
    schema,
    check: (value, path, report) => (isValid(value) ? undefined : report(path, `must be ${what}`)),
  };
}

function unknownKey(name: string, known: readonly string[]): string {
  const suggestion = nearest(name, known);
  return `there is no key ${JSON.stringify(name)}${suggestion === null ? '' : `, did you mean "${suggestion}"?`}`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function join(path: string, name: string): string {
  const plain = /^[A-Za-z_$][\w$]*$/.test(name);
  if (!plain) return `${path}[${JSON.stringify(name)}]`;
  return path === '' ? name : `${path}.${name}`;
}
