import { severityOf } from './messages.js';
import { TASK_MONITORS, TASK_SERVICE, TASKS } from './paths.js';
import { collection, HEALTHY, link } from './service-root.js';
import type { Task, TaskList } from './tasks.js';

export const taskPath = ({ id }: Task): string => `${TASKS}/${id}`;
export const monitorPath = ({ id }: Task): string => `${TASK_MONITORS}/${id}`;

export const taskService = (): object => ({
  '@odata.id': TASK_SERVICE,
  '@odata.type': '#TaskService.v1_1_4.TaskService',
  Id: 'TaskService',
  Name: 'Task Service',
  ServiceEnabled: true,
  DateTime: dateOf(new Date()),
  CompletedTaskOverWritePolicy: 'Oldest',
  LifeCycleEventOnTaskStateChange: false,
  Status: HEALTHY,
  Tasks: link(TASKS),
});

export const taskCollection = ({ all }: TaskList): object =>
  collection(TASKS, 'Task', 'Task Collection', all.map(taskPath));

/** The resource of a task (docs/redfish.md, Answers). */
export function taskResource(task: Task): object {
  const { id, state, startTime, endTime, messages, percent, origin, receipt } = task;
  return {
    '@odata.id': taskPath(task),
    '@odata.type': '#Task.v1_4_3.Task',
    Id: id,
    Name: `Task ${id}`,
    TaskState: state,
    TaskStatus: statusOf(task),
    StartTime: dateOf(startTime),
    ...(endTime === null ? {} : { EndTime: dateOf(endTime) }),
    PercentComplete: percent,
    Messages: messages,
    TaskMonitor: monitorPath(task),
    HidePayload: false,
    Payload: {
      TargetUri: origin.uri,
      HttpOperation: 'POST',
      HttpHeaders: origin.headers,
      ...(origin.json === null ? {} : { JsonBody: origin.json }),
    },
    Oem: {
      Sluice: {
        '@odata.type': '#SluiceTask.v1_0_0.Task',
        Code: task.error?.code ?? null,
        Receipt: receipt === null ? null : `/v1/receipts/${receipt}`,
      },
    },
  };
}

function statusOf({ error }: Task): 'OK' | 'Warning' | 'Critical' {
  return error === null ? 'OK' : severityOf(error);
}

/** A time in the format of bmcweb: whole seconds and a numeric offset. */
export const dateOf = (date: Date): string => date.toISOString().replace(/\.\d+Z$/, '+00:00');
