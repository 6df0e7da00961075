/** A strict parser of the Prometheus text format 0.0.4: it refuses everything that a scraper could refuse. */

export interface Family {
  readonly type: string;
  readonly help: string;
  /** Values by the text of their labels, `a="b",c="d"`; empty for none. */
  readonly samples: Map<string, number>;
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const LABEL = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\["\\\\n])*"';
const HELP = new RegExp(`^# HELP (${NAME}) ((?:[^\\\\]|\\\\[\\\\n])+)$`);
const TYPE = new RegExp(`^# TYPE (${NAME}) (counter|gauge)$`);
const SAMPLE = new RegExp(
  `^(${NAME})(?:\\{(${LABEL}(?:,${LABEL})*)\\})? (-?\\d+(?:\\.\\d+)?(?:e[+-]?\\d+)?)$`,
);

/** @throws Error with the line in its message */
export function parseMetrics(text: string): Map<string, Family> {
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  const families = new Map<string, Family>();
  let help: [name: string, text: string] | null = null;
  let open: [name: string, family: Family] | null = null;
  for (const line of text.slice(0, -1).split('\n')) {
    const fail = (why: string): never => {
      throw new Error(`${why}: ${line}`);
    };
    const [, helped, words] = HELP.exec(line) ?? [];
    if (helped !== undefined && words !== undefined) {
      if (families.has(helped)) fail('a family twice');
      help = [helped, words];
      continue;
    }
    const [, typed, type] = TYPE.exec(line) ?? [];
    if (typed !== undefined && type !== undefined) {
      if (help?.[0] !== typed) fail('a type without its help');
      if ((type === 'counter') !== typed.endsWith('_total'))
        fail('a counter is called _total, nothing else is');
      open = [typed, { type, help: help?.[1] ?? '', samples: new Map() }];
      families.set(...open);
      continue;
    }
    const [, name, labels = '', value] = SAMPLE.exec(line) ?? [];
    if (name === undefined || open === null || open[0] !== name)
      return fail('not a sample of the family before it');
    if (open[1].samples.has(labels)) fail('a sample twice');
    const names = [...labels.matchAll(/(\w+)="(?:[^"\\]|\\.)*"/g)].map(([, label]) => label);
    if (new Set(names).size !== names.length) fail('a label twice');
    open[1].samples.set(labels, Number(value));
  }
  for (const [name, { samples }] of families)
    if (samples.size === 0) throw new Error(`${name} has no sample`);
  return families;
}
