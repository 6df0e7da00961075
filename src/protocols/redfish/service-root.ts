import type { UpdateService } from '../../service/update-service.js';
import {
  CHASSIS,
  CHASSIS_ONE,
  MANAGER,
  MANAGERS,
  ROOT,
  SESSION_SERVICE,
  SESSIONS,
  TASK_SERVICE,
  TASKS,
  UPDATE_SERVICE,
} from './paths.js';

/** A reference to another resource. */
export const link = (path: string): { readonly '@odata.id': string } => ({ '@odata.id': path });

/** A collection resource. */
export const collection = (path: string, type: string, name: string, members: readonly string[]): object => ({
  '@odata.id': path,
  '@odata.type': `#${type}Collection.${type}Collection`,
  Name: name,
  Members: members.map(link),
  'Members@odata.count': members.length,
});

export const HEALTHY = { Health: 'OK', HealthRollup: 'OK', State: 'Enabled' } as const;

export const versions = (): object => ({ v1: `${ROOT}/` });

export const serviceRoot = (): object => ({
  '@odata.id': ROOT,
  '@odata.type': '#ServiceRoot.v1_17_0.ServiceRoot',
  Id: 'RootService',
  Name: 'Root Service',
  RedfishVersion: '1.17.0',
  Product: 'sluice',
  Chassis: link(CHASSIS),
  Managers: link(MANAGERS),
  SessionService: link(SESSION_SERVICE),
  Tasks: link(TASK_SERVICE),
  UpdateService: link(UPDATE_SERVICE),
  Links: { Sessions: link(SESSIONS), ManagerProvidingService: link(MANAGER) },
  ProtocolFeaturesSupported: {
    ExcerptQuery: false,
    FilterQuery: false,
    OnlyMemberQuery: false,
    SelectQuery: false,
    TopSkipQuery: false,
    ExpandQuery: { ExpandAll: false, Levels: false, Links: false, NoLinks: false },
  },
});

/** The OData service document (DSP0266, section 8.4.2). */
export const odata = (): object => ({
  '@odata.context': `${ROOT}/$metadata`,
  value: [
    ['Service', ROOT],
    ['Managers', MANAGERS],
    ['Chassis', CHASSIS],
    ['UpdateService', UPDATE_SERVICE],
    ['TaskService', TASK_SERVICE],
    ['Tasks', TASKS],
    ['SessionService', SESSION_SERVICE],
    ['Sessions', SESSIONS],
  ].map(([name, url]) => ({ name, kind: 'Singleton', url })),
});

const SCHEMAS = [
  'ServiceRoot',
  'Manager',
  'ManagerCollection',
  'Chassis',
  'ChassisCollection',
  'UpdateService',
  'SoftwareInventory',
  'SoftwareInventoryCollection',
  'TaskService',
  'Task',
  'TaskCollection',
  'SessionService',
  'Session',
  'SessionCollection',
];

/** The OData metadata document: the locations of the schemas of all resources. */
export const metadata = (): string =>
  [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<edmx:Edmx xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx" Version="4.0">',
    ...SCHEMAS.map(
      (name) =>
        `<edmx:Reference Uri="http://redfish.dmtf.org/schemas/v1/${name}_v1.xml"><edmx:Include Namespace="${name}"/></edmx:Reference>`,
    ),
    '<edmx:DataServices><Schema xmlns="http://docs.oasis-open.org/odata/ns/edm" Namespace="Service">',
    '<EntityContainer Name="Service" Extends="ServiceRoot.v1_17_0.ServiceContainer"/>',
    '</Schema></edmx:DataServices></edmx:Edmx>',
    '',
  ].join('\n');

/** The only manager: the board that this service runs on. */
export function manager({ machine, partitions }: UpdateService): object {
  return {
    '@odata.id': MANAGER,
    '@odata.type': '#Manager.v1_14_0.Manager',
    Id: 'bmc',
    Name: 'Manager',
    ManagerType: 'BMC',
    Model: machine,
    FirmwareVersion: versionOf(partitions),
    Status: HEALTHY,
    Links: {
      ManagerForChassis: [link(CHASSIS_ONE)],
      'ManagerForChassis@odata.count': 1,
      ManagerInChassis: link(CHASSIS_ONE),
    },
  };
}

/** The version of the last update through this service. Partitions may have been written at different times. */
function versionOf(partitions: UpdateService['partitions']): string | null {
  const known = partitions.flatMap(({ installed }) => installed ?? []);
  return known.sort((a, b) => a.at.localeCompare(b.at)).at(-1)?.version ?? null;
}

/** Some clients find the manager through it. */
export const chassis = (): object => ({
  '@odata.id': CHASSIS_ONE,
  '@odata.type': '#Chassis.v1_23_0.Chassis',
  Id: 'chassis',
  Name: 'Chassis',
  ChassisType: 'Module',
  Status: HEALTHY,
  Links: { ManagedBy: [link(MANAGER)], 'ManagedBy@odata.count': 1 },
});
