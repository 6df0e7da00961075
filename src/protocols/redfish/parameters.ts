import type { PartitionState } from '../../service/service-state.js';
import { isObject, parseJson, textOfValue } from './json-body.js';
import { INVENTORY, MANAGER } from './paths.js';
import { problem, propertyProblem, type RedfishProblem } from './problem.js';

/** What an update may be asked to be applied at; see docs/redfish.md for what it means here. */
const APPLY_TIMES: ReadonlySet<unknown> = new Set(['Immediate', 'OnReset']);

/** How an unfit value is reported: multipart has properties, an action has parameters. */
export interface ProblemMaker {
  type(name: string, value: unknown): RedfishProblem;
  format(name: string, value: unknown): RedfishProblem;
  notInList(name: string, value: unknown): RedfishProblem;
}

export const PROPERTIES: ProblemMaker = {
  type: (name, value) => propertyProblem('PropertyValueTypeError', name, [textOfValue(value)]),
  format: (name, value) => propertyProblem('PropertyValueFormatError', name, [textOfValue(value)]),
  notInList: (name, value) => propertyProblem('PropertyValueNotInList', name, [textOfValue(value)]),
};

/**
 * Reads the UpdateParameters part of a multipart update.
 * @returns the partitions that it names; null for all that the bundle has images for
 * @throws RedfishProblem
 */
export function parseUpdateParameters(
  text: string,
  partitions: readonly PartitionState[],
): readonly string[] | null {
  const value = parseJson(text);
  if (!isObject(value)) throw PROPERTIES.type('UpdateParameters', value);
  for (const name of Object.keys(value)) {
    if (name !== 'Targets' && name !== '@Redfish.OperationApplyTime') {
      throw propertyProblem('PropertyUnknown', name);
    }
  }
  requireApplyTime(value['@Redfish.OperationApplyTime'], PROPERTIES);
  return partitionsOf(value['Targets'], partitions, PROPERTIES);
}

/** @throws RedfishProblem */
export function requireApplyTime(value: unknown, blame: ProblemMaker): void {
  if (value === undefined || APPLY_TIMES.has(value)) return;
  throw typeof value === 'string'
    ? blame.notInList('@Redfish.OperationApplyTime', value)
    : blame.type('@Redfish.OperationApplyTime', value);
}

/**
 * The partitions that Targets name: the manager is all of them, a member of FirmwareInventory is one. bmcweb takes
 * one target; here it is one manager or any number of partitions, as one bundle has an image for each.
 * @throws RedfishProblem
 */
export function partitionsOf(
  targets: unknown,
  partitions: readonly PartitionState[],
  blame: ProblemMaker,
): readonly string[] | null {
  if (targets === undefined) return null;
  if (!Array.isArray(targets) || !targets.every((target) => typeof target === 'string')) {
    throw blame.type('Targets', targets);
  }
  const paths = (targets as readonly string[]).map((target) => target.replace(/(?<=.)\/$/, ''));
  if (paths.length === 0 || (paths.length === 1 && paths[0] === MANAGER)) return null;
  const names = paths.map((path) => {
    // Another one beside the manager is no narrowing and no widening: what was meant cannot be known.
    if (!path.startsWith(`${INVENTORY}/`)) throw blame.format('Targets', targets);
    const name = decoded(path.slice(INVENTORY.length + 1));
    if (name === null || name.includes('/')) throw blame.format('Targets', targets);
    if (!partitions.some((partition) => partition.name === name)) throw blame.notInList('Targets', path);
    return name;
  });
  return [...new Set(names)];
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

export const tooLarge = (): RedfishProblem => problem(413, 'PayloadTooLarge');
