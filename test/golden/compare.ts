/** Records of scenarios: their text, and the differences between two of them. */

/** Fields added to the documents since the record was made, each with the reason. */
export const ADDED: readonly Addition[] = [];

/** Values changed on purpose since the record was made, each with the reason. */
export const CHANGED: readonly Change[] = [
  {
    field: 'document.trust.key',
    why: 'a failed receipt has the key that verified the index',
    from: null,
    to: 'OpenBMC',
  },
  {
    field: 'document.flash',
    scenarios: /^nor-(?:only|image-unsigned|timed-verify|service-(?:stock|check|refused|token))$/,
    from: 'untouched',
    to: null,
    why: 'an error has no state of the flash until an update session has established it',
  },
];

/** Numbers that have risen on purpose since the record was made, each with the reason. */
export const RISEN: readonly Addition[] = [
  {
    field: 'chip.totals.reads',
    why: 'every block of the images is read again before the commit, unchanged ones too',
  },
  {
    field: 'chip.totals.bytesRead',
    why: 'every block of the images is read again before the commit, unchanged ones too',
  },
];

export interface Addition {
  /** Path within a step, such as `document.session.proven`; `*` matches one name. */
  readonly field: string;
  readonly why: string;
}

export interface Change extends Addition {
  /** Names of the scenarios. @default all */
  readonly scenarios?: RegExp;
  readonly from: Scalar;
  readonly to: Scalar;
}

export type Scalar = string | number | boolean | null;
export type Json = Scalar | readonly Json[] | { readonly [name: string]: Json | undefined };

/** The result of one step. */
export interface RecordedStep {
  /** SHA-256 of the source before compression. If it differs, the scenario has changed and not the program. */
  readonly source: string;
  /** Exit code of the program. */
  readonly exit?: number | null;
  /** Status of the HTTP answer. */
  readonly status?: number;
  /** The receipt, the forecast, or the error. */
  readonly document: Json;
  readonly chip: Json;
}

export interface RecordedScenario {
  readonly steps: readonly RecordedStep[];
}

/** Sentences, times, memory and random ids: only their presence and type are compared. */
const VOLATILE = /(^|\.)(message|next|inUse|check)$|^times\.(wall|flash)$|^memory\.peakRss$|^audit\.hash$/;

/** A document with the type in place of each value that differs from run to run. */
export function steady(value: Json, path = ''): Json {
  if (VOLATILE.test(path) && value !== null) return `<${typeof value}>`;
  if (value === null || typeof value !== 'object') return value;
  if (isList(value)) return value.map((item) => steady(item, path));
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [
      name,
      steady(each ?? null, path === '' ? name : `${path}.${name}`),
    ]),
  );
}

/** Longest lines, in characters: for any value, and for one without objects and lists in it. */
const NARROW = 110;
const WIDE = 260;

/** A record as text: as JSON.stringify indents it, but with small values on one line. */
export function format(value: Json, indent = ''): string {
  const line = JSON.stringify(value);
  if (line.length <= NARROW || (line.length <= WIDE && isFlat(value))) return line;
  const deeper = `${indent}  `;
  const rows = isList(value)
    ? value.map((item) => format(item, deeper))
    : Object.entries(value as object).map(
        ([name, each]) => `${JSON.stringify(name)}: ${format(each as Json, deeper)}`,
      );
  const [open, close] = isList(value) ? '[]' : '{}';
  return `${open}\n${rows.map((row) => deeper + row).join(',\n')}\n${indent}${close}`;
}

/** The differences that are allowed, and which of them were found. */
export class Allowances {
  readonly #used = new Set<Addition>();

  constructor(
    readonly added: readonly Addition[],
    readonly changed: readonly Change[],
    readonly risen: readonly Addition[] = [],
  ) {}

  /** Fields of the entries that matched no difference. */
  get unused(): readonly string[] {
    return [...this.added, ...this.changed, ...this.risen]
      .filter((each) => !this.#used.has(each))
      .map(({ field }) => field);
  }

  hasAdded(field: string): boolean {
    return this.#take(this.added.find((each) => matches(each, field)));
  }

  hasChanged(scenario: string, field: string, from: Scalar, to: Scalar): boolean {
    const rises = typeof from === 'number' && typeof to === 'number' && to > from;
    if (rises && this.#take(this.risen.find((each) => matches(each, field)))) return true;
    return this.#take(
      this.changed.find(
        (each) =>
          matches(each, field) &&
          each.from === from &&
          each.to === to &&
          (each.scenarios?.test(scenario) ?? true),
      ),
    );
  }

  #take(found: Addition | undefined): boolean {
    if (found !== undefined) this.#used.add(found);
    return found !== undefined;
  }
}

/** One line a field that differs: `step 2, document.flash: "complete" was recorded, now "partial"`. */
export function differences(
  scenario: string,
  recorded: RecordedScenario,
  found: RecordedScenario,
  allowed: Allowances,
): string[] {
  const lines: string[] = [];
  const count = Math.max(recorded.steps.length, found.steps.length);
  for (let step = 0; step < count; step++) {
    const was = fieldsOf(recorded.steps[step] ?? {});
    const is = fieldsOf(found.steps[step] ?? {});
    for (const field of new Set([...was.keys(), ...is.keys()])) {
      const [from, to] = [was.get(field), is.get(field)];
      if (from === to) continue;
      if (from === undefined && allowed.hasAdded(field)) continue;
      if (from !== undefined && to !== undefined && allowed.hasChanged(scenario, field, from, to)) continue;
      lines.push(`step ${step + 1}, ${field}: ${shown(from)} was recorded, now ${shown(to)}`);
    }
  }
  return lines;
}

/** The scalars of a record by their paths. An empty object, and a list of scalars, count as one. */
function fieldsOf(value: object, path = '', found = new Map<string, Scalar>()): Map<string, Scalar> {
  for (const [name, each] of Object.entries(value) as [string, Json | undefined][]) {
    const here = path === '' ? name : `${path}.${name}`;
    if (each === undefined) continue;
    if (each === null || typeof each !== 'object') found.set(here, each);
    else if (isList(each) && isFlat(each)) found.set(here, JSON.stringify(each));
    else if (Object.keys(each).length === 0) found.set(here, '{}');
    else fieldsOf(each, here, found);
  }
  return found;
}

/** Whether a value has no objects and lists in it. */
const isFlat = (value: Json): boolean =>
  value === null ||
  typeof value !== 'object' ||
  Object.values(value).every((each) => each === null || typeof each !== 'object');

const isList = (value: Json): value is readonly Json[] => Array.isArray(value);

const shown = (value: Scalar | undefined): string =>
  value === undefined ? 'nothing' : JSON.stringify(value);

function matches({ field: pattern }: Addition, field: string): boolean {
  const [wanted, names] = [pattern.split('.'), field.split('.')];
  return wanted.length === names.length && wanted.every((name, at) => name === '*' || name === names[at]);
}
