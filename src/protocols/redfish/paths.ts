/** Paths of the resources; clients of OpenBMC rely on them. */
export const ROOT = '/redfish/v1';
export const MANAGERS = `${ROOT}/Managers`;
/** The default name of the manager in bmcweb. */
export const MANAGER = `${MANAGERS}/bmc`;
export const CHASSIS = `${ROOT}/Chassis`;
export const CHASSIS_ONE = `${CHASSIS}/chassis`;
export const UPDATE_SERVICE = `${ROOT}/UpdateService`;
export const PUSH = `${UPDATE_SERVICE}/update`;
export const MULTIPART_PUSH = `${UPDATE_SERVICE}/update-multipart`;
export const SIMPLE_UPDATE = `${UPDATE_SERVICE}/Actions/UpdateService.SimpleUpdate`;
export const INVENTORY = `${UPDATE_SERVICE}/FirmwareInventory`;
export const TASK_SERVICE = `${ROOT}/TaskService`;
export const TASKS = `${TASK_SERVICE}/Tasks`;
export const TASK_MONITORS = `${TASK_SERVICE}/TaskMonitors`;
export const SESSION_SERVICE = `${ROOT}/SessionService`;
export const SESSIONS = `${SESSION_SERVICE}/Sessions`;

/** The member of FirmwareInventory for a partition. */
export const inventoryOf = (partition: string): string => `${INVENTORY}/${encodeURIComponent(partition)}`;
