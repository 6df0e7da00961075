import type { PartitionState } from '../../service/service-state.js';
import type { UpdateService } from '../../service/update-service.js';
import { bundleLimit } from './limits.js';
import {
  INVENTORY,
  inventoryOf,
  MANAGER,
  MULTIPART_PUSH,
  PUSH,
  SIMPLE_UPDATE,
  UPDATE_SERVICE,
} from './paths.js';
import { collection, HEALTHY, link } from './service-root.js';
import { PROTOCOLS } from './simple-update.js';

/** The UpdateService resource (docs/redfish.md, Resources). */
export const updateService = (service: UpdateService): object => ({
  '@odata.id': UPDATE_SERVICE,
  '@odata.type': '#UpdateService.v1_11_1.UpdateService',
  Id: 'UpdateService',
  Name: 'Update Service',
  Description: 'Service for Software Update',
  ServiceEnabled: true,
  Status: HEALTHY,
  FirmwareInventory: link(INVENTORY),
  HttpPushUri: PUSH,
  // A bundle is written while it is received; there is no reset.
  HttpPushUriOptions: { HttpPushUriApplyTime: { ApplyTime: 'Immediate' } },
  MultipartHttpPushUri: MULTIPART_PUSH,
  MaxImageSizeBytes: bundleLimit(service),
  Actions: {
    '#UpdateService.SimpleUpdate': {
      target: SIMPLE_UPDATE,
      'TransferProtocol@Redfish.AllowableValues': PROTOCOLS,
    },
  },
});

export const inventory = ({ partitions }: UpdateService): object =>
  collection(
    INVENTORY,
    'SoftwareInventory',
    'Software Inventory Collection',
    partitions.map(({ name }) => inventoryOf(name)),
  );

/** Content of a partition, if known from an update through this service (docs/redfish.md, Resources). */
export function software({ name, offset, size, eraseSize, installed }: PartitionState): object {
  return {
    '@odata.id': inventoryOf(name),
    '@odata.type': '#SoftwareInventory.v1_1_0.SoftwareInventory',
    Id: name,
    Name: 'Software Inventory',
    Description: 'BMC image',
    // The property must not be null.
    Version: installed?.version ?? 'unknown',
    Updateable: true,
    Status: HEALTHY,
    RelatedItem: [link(MANAGER)],
    'RelatedItem@odata.count': 1,
    Oem: {
      Sluice: {
        '@odata.type': '#SluiceSoftware.v1_0_0.Software',
        Offset: offset,
        Size: size,
        EraseSize: eraseSize,
        Sha256: installed?.sha256 ?? null,
        Bytes: installed?.bytes ?? null,
        InstalledAt: installed?.at ?? null,
      },
    },
  };
}
