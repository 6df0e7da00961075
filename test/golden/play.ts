/** Plays a scenario: the steps on its chip, and the result of each. */
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { steady, type Json, type RecordedScenario, type RecordedStep } from './compare.js';
import { call, Service, until } from './program.js';
import type { Scenario, Step, Way } from './scenarios.js';
import { stateOf, type Chip, type Site } from './site.js';
import type { SourceName } from './sources.js';

const MACHINE = 'quanta-q71l';

/** The machine, unless the step names one. */
const machineOf = (args: readonly string[]): string[] =>
  args.includes('--machine') ? [] : ['--machine', MACHINE];

/** The result of a step, without the chip. */
type Result = Pick<RecordedStep, 'exit' | 'status' | 'document'>;

/** @throws Error if a step gives no result that can be recorded, such as a program that prints no JSON */
export async function play(site: Site, scenario: Scenario): Promise<RecordedScenario> {
  const dir = site.folder(scenario.name);
  const chip = await site.chip(scenario.chip, dir);
  const player = new Player(site, chip, join(dir, 'state'));
  try {
    const steps: RecordedStep[] = [];
    for (const step of scenario.steps) {
      const result = await player.step(step);
      const document = steady(result.document);
      steps.push({ source: site.source(step.source).sha256, ...result, document, chip: stateOf(chip) });
    }
    return { steps };
  } finally {
    await player.close();
  }
}

class Player {
  readonly #site: Site;
  readonly #chip: Chip;
  readonly #state: string;
  #service: Service | null = null;
  /** Id of the last check. */
  #check = '';

  constructor(site: Site, chip: Chip, state: string) {
    this.#site = site;
    this.#chip = chip;
    this.#state = state;
  }

  async close(): Promise<void> {
    await this.#service?.stop();
  }

  async step(step: Step): Promise<Result> {
    if (step.faults !== undefined) {
      const words = ['sim', 'fault', this.#chip.path, '--fault', step.faults];
      const { exit, stderr } = await call(this.#site.program, words, this.#state);
      if (exit !== 0) throw new Error(stderr);
    }
    const held = step.held === true ? openSync(this.#chip.path, 'r+') : null;
    try {
      return await this.#take(step);
    } finally {
      if (held !== null) closeSync(held);
    }
  }

  #take({ way, source, args, token }: Step): Promise<Result> {
    switch (way) {
      case 'file':
      case 'pipe':
      case 'url':
      case 'verify':
      case 'verify-pipe':
        return this.#write(way, source, args);
      case 'push':
        return this.#push(source, args);
      case 'resumed':
        return this.#resumed(source);
      case 'redfish':
        return this.#redfish(source);
      default:
        return this.#put(way, source, args, token ?? true);
    }
  }

  async #write(way: Way, source: SourceName, args: readonly string[]): Promise<Result> {
    const { path, bytes } = this.#site.source(source);
    const piped = way === 'pipe' || way === 'verify-pipe';
    const from = way === 'url' ? await this.#site.url(source) : piped ? '-' : path;
    const given = args.map((arg) => this.#path(arg));
    const command = way.startsWith('verify') ? 'verify' : 'write';
    return this.#call(
      [command, from, ...this.#board(), ...machineOf(args), '--json', ...given],
      piped ? bytes : undefined,
    );
  }

  async #push(source: SourceName, args: readonly string[]): Promise<Result> {
    const service = await this.#serve();
    const to = ['push', service.url, this.#site.source(source).path, '--token-file', service.tokenFile];
    const result = await this.#call([...to, '--json', ...args]);
    await service.idle();
    return result;
  }

  async #put(way: Way, source: SourceName, queries: readonly string[], token: boolean): Promise<Result> {
    const service = await this.#serve();
    const query = (way === 'checked' ? [...queries, `check=${this.#check}`] : queries).join('&');
    const path = `${way === 'check' ? '/v1/check' : '/v1/update'}${query === '' ? '' : `?${query}`}`;
    const headers = token ? {} : { authorization: 'Bearer none' };
    const answer = await service.ask('PUT', path, { body: this.#site.source(source).bytes, headers });
    await service.idle();
    const document = documentOf(answer.text);
    if (way === 'check') this.#check = (document as { check?: string }).check ?? '';
    return { status: answer.status, document };
  }

  async #resumed(source: SourceName): Promise<Result> {
    const service = await this.#serve();
    const { bytes } = this.#site.source(source);
    const path = '/v1/update/golden-resume-key';
    await service.cut('PUT', '/v1/update?resume=golden-resume-key', bytes, bytes.length / 2);
    const offset = await until('the service knows the upload', async () => {
      const { status, headers } = await service.ask('HEAD', path);
      return status === 409 ? null : Number(headers['upload-offset']);
    });
    const headers = { 'upload-offset': offset };
    const { status, text } = await service.ask('PATCH', path, { headers, body: bytes.subarray(offset) });
    await service.idle();
    return { status, document: documentOf(text) };
  }

  /** The answer is a task; its receipt is recorded. */
  async #redfish(source: SourceName): Promise<Result> {
    const service = await this.#serve();
    const headers = { 'content-type': 'application/octet-stream' };
    const { bytes: body } = this.#site.source(source);
    const { status } = await service.ask('POST', '/redfish/v1/UpdateService/update', { headers, body });
    await service.idle();
    const { text } = await service.ask('GET', '/v1/receipts?limit=1');
    const [last] = (documentOf(text) as { receipts: [{ receipt: Json }?] }).receipts;
    return { status, document: last?.receipt ?? null };
  }

  async #serve(): Promise<Service> {
    const args = [...this.#board(), '--machine', MACHINE];
    return (this.#service ??= await Service.start(this.#site.program, args, this.#state));
  }

  async #call(args: readonly string[], input?: Uint8Array): Promise<Result> {
    const { exit, stdout, stderr } = await call(this.#site.program, args, this.#state, input);
    return { exit, document: documentOf(stdout, stderr) };
  }

  #board(): string[] {
    return ['--flash', this.#chip.address, '--keys', this.#site.keys];
  }

  /** An argument with the path in place of `{NAME}`. */
  #path(arg: string): string {
    return arg.replace(/^\{(.+)\}$/, (_, name: string) =>
      name === 'state' ? this.#state : this.#site.source(name as SourceName).path,
    );
  }
}

function documentOf(text: string, stderr = ''): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    throw new Error(`no JSON: ${JSON.stringify(text.slice(0, 200))} ${stderr}`);
  }
}
