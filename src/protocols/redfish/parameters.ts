import type { PartitionState } from '../../service/service-state.js';
import { isObject, parseJson, textOfValue } from './json-body.js';
import { INVENTORY, MANAGER } from './paths.js';
import { problem, propertyProblem, type RedfishProblem } from './problem.js';

/** Accepted apply times; docs/redfish.md explains their meaning here. */
const APPLY_TIMES: ReadonlySet<unknown> = new Set(['Immediate', 'OnReset']);

/** Makes the problem for an invalid value: of a property in multipart, of a parameter in an action. */
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
 * Reads the UpdateParameters part of a multipart update. An unknown member is accepted if it asks for nothing, such as
 * the empty `Oem` that bmclib sends.
 * @returns the named partitions; null for all images of the bundle
 * @throws RedfishProblem
 */
export function parseUpdateParameters(
  text: string,
  partitions: readonly PartitionState[],
): readonly string[] | null {
  const value = parseJson(text);
  if (!isObject(value)) throw PROPERTIES.type('UpdateParameters', value);
  for (const [name, member] of Object.entries(value)) {
    const isKnown = name === 'Targets' || name === '@Redfish.OperationApplyTime';
    if (!isKnown && !asksForNothing(member)) throw propertyProblem('PropertyUnknown', name);
  }
  requireApplyTime(value['@Redfish.OperationApplyTime'], PROPERTIES);
  return partitionsOf(value['Targets'], partitions, PROPERTIES);
}

/** Whether a member has no value but null, false and the empty string. parseJson limits the depth of the recursion. */
function asksForNothing(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.values(value).every(asksForNothing);
  return value === null || value === false || value === '';
}

/** @throws RedfishProblem */
export function requireApplyTime(value: unknown, problems: ProblemMaker): void {
  if (value === undefined || APPLY_TIMES.has(value)) return;
  throw typeof value === 'string'
    ? problems.notInList('@Redfish.OperationApplyTime', value)
    : problems.type('@Redfish.OperationApplyTime', value);
}

/**
 * The partitions of Targets. The manager stands for all of them, a member of FirmwareInventory for one. bmcweb accepts
 * one target; here it is the manager or any number of partitions, because one bundle has an image for each.
 * @throws RedfishProblem
 */
export function partitionsOf(
  targets: unknown,
  partitions: readonly PartitionState[],
  problems: ProblemMaker,
): readonly string[] | null {
  if (targets === undefined) return null;
  if (!Array.isArray(targets) || !targets.every((target) => typeof target === 'string')) {
    throw problems.type('Targets', targets);
  }
  const paths = (targets as readonly string[]).map((target) => target.replace(/(?<=.)\/$/, ''));
  if (paths.length === 0 || (paths.length === 1 && paths[0] === MANAGER)) return null;
  const names = paths.map((path) => {
    // The manager together with other targets is ambiguous.
    if (!path.startsWith(`${INVENTORY}/`)) throw problems.format('Targets', targets);
    const part = path.slice(INVENTORY.length + 1);
    // A slash within a name is encoded.
    const name = part.includes('/') ? null : decoded(part);
    if (name === null) throw problems.format('Targets', targets);
    if (!partitions.some((partition) => partition.name === name)) throw problems.notInList('Targets', path);
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
