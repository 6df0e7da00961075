import type { Exchange, Route } from '../http/exchange.js';
import { sendJson, sendText } from '../http/reply.js';
import type { RouteGroup } from '../http/route-group.js';
import { Router } from '../http/router.js';
import type { RedfishOptions } from './options.js';
import {
  CHASSIS,
  CHASSIS_ONE,
  INVENTORY,
  MANAGER,
  MANAGERS,
  MULTIPART_PUSH,
  PUSH,
  ROOT,
  SESSION_SERVICE,
  SESSIONS,
  SIMPLE_UPDATE,
  TASK_MONITORS,
  TASK_SERVICE,
  TASKS,
  UPDATE_SERVICE,
} from './paths.js';
import { problem, problemOf } from './problem.js';
import { pushMultipart, pushRaw } from './pushes.js';
import { chassis, collection, manager, metadata, odata, serviceRoot, versions } from './service-root.js';
import {
  login,
  sessionCollection,
  sessionPath,
  sessionResource,
  sessionService,
} from './session-resources.js';
import { SessionStore, type Session } from './sessions.js';
import { simpleUpdate } from './simple-update.js';
import { monitorPath, taskCollection, taskResource, taskService } from './task-resources.js';
import { TaskList, type Task } from './tasks.js';
import { inventory, software, updateService } from './update-resources.js';
import type { Right } from '../../service/roles.js';

const ODATA = { 'odata-version': '4.0' } as const;

/** Longest Retry-After for a task; bmcweb always sends this value. */
const MAX_RETRY_AFTER_S = 30;

/** Everything under /redfish: the resources that clients of OpenBMC use for firmware updates. */
export class Redfish {
  readonly #options: RedfishOptions;
  readonly #sessions: SessionStore;
  readonly #tasks = new TaskList();

  constructor(options: RedfishOptions) {
    this.#options = options;
    this.#sessions = new SessionStore(options.now, (principal) =>
      options.admission.credentialVersion(principal),
    );
    options.admission.use(this.#sessions);
  }

  get group(): RouteGroup {
    const routes = [...this.#roots(), ...this.#updates(), ...this.#taskRoutes(), ...this.#sessionRoutes()];
    const { service } = this.#options;
    return {
      router: new Router(routes.map(withKnownQueries)),
      via: 'redfish',
      unknown: 'read',
      notFound: (path) => problem(404, 'ResourceMissingAtURI', path),
      notAllowed: () => problem(405, 'OperationNotAllowed'),
      failed: (error) => problemOf(error, service.retryAfter),
    };
  }

  #roots(): Route[] {
    const { service } = this.#options;
    const xml = { ...ODATA, 'content-type': 'application/xml' };
    return [
      get('/redfish', null, versions),
      get(ROOT, null, serviceRoot),
      get(`${ROOT}/odata`, null, odata),
      {
        method: 'GET',
        path: `${ROOT}/$metadata`,
        right: null,
        handle: ({ response }) => sendText(response, 200, metadata(), xml),
      },
      get(MANAGERS, 'read', () => collection(MANAGERS, 'Manager', 'Manager Collection', [MANAGER])),
      get(MANAGER, 'read', () => manager(service)),
      get(CHASSIS, 'read', () => collection(CHASSIS, 'Chassis', 'Chassis Collection', [CHASSIS_ONE])),
      get(CHASSIS_ONE, 'read', chassis),
    ];
  }

  #updates(): Route[] {
    const options = this.#options;
    const { service } = options;
    const tasks = this.#tasks;
    const accepted =
      (begin: (options: RedfishOptions, tasks: TaskList, exchange: Exchange) => Promise<Task>) =>
      async (exchange: Exchange): Promise<void> =>
        this.#accept(exchange, await begin(options, tasks, exchange));
    return [
      get(UPDATE_SERVICE, 'read', () => updateService(service)),
      post(PUSH, accepted(pushRaw)),
      // The push URI of older OpenBMC releases.
      post(UPDATE_SERVICE, accepted(pushRaw)),
      post(MULTIPART_PUSH, accepted(pushMultipart)),
      post(SIMPLE_UPDATE, accepted(simpleUpdate)),
      get(INVENTORY, 'read', () => inventory(service)),
      get(`${INVENTORY}/:id`, 'read', ({ parameters }) => {
        const { id = '' } = parameters;
        const partition = service.partitions.find(({ name }) => name === id);
        if (partition === undefined) throw problem(404, 'ResourceNotFound', 'SoftwareInventory', id);
        return software(partition);
      }),
    ];
  }

  #taskRoutes(): Route[] {
    const tasks = this.#tasks;
    const stop = (exchange: Exchange): void => {
      const task = this.#task(exchange);
      if (task.state === 'Running') task.cancel(exchange.from.user ?? 'a request');
      else tasks.remove(task);
      exchange.response.writeHead(204, ODATA).end();
    };
    return [
      get(TASK_SERVICE, 'read', taskService),
      get(TASKS, 'read', () => taskCollection(tasks)),
      get(`${TASKS}/:id`, 'read', (exchange) => taskResource(this.#task(exchange))),
      { method: 'DELETE', path: `${TASKS}/:id`, right: 'write', handle: stop },
      {
        method: 'GET',
        path: `${TASK_MONITORS}/:id`,
        right: 'read',
        handle: (exchange) => this.#monitor(exchange),
      },
      { method: 'DELETE', path: `${TASK_MONITORS}/:id`, right: 'write', handle: stop },
    ];
  }

  #sessionRoutes(): Route[] {
    const sessions = this.#sessions;
    const begin = async (exchange: Exchange): Promise<void> => {
      const { session, token } = await login(this.#options, sessions, exchange);
      sendJson(exchange.response, 201, sessionResource(session), {
        ...ODATA,
        location: sessionPath(session),
        'x-auth-token': token,
      });
    };
    const end = (exchange: Exchange): void => {
      const session = this.#session(exchange);
      const { principal } = exchange;
      const own = principal === null || principal.name === session.principal.name;
      if (!own && principal.role !== 'Administrator') throw problem(403, 'InsufficientPrivilege');
      sessions.end(session);
      exchange.response.writeHead(204, ODATA).end();
    };
    return [
      get(SESSION_SERVICE, 'read', sessionService),
      get(SESSIONS, 'read', () => sessionCollection(sessions)),
      { method: 'POST', path: SESSIONS, right: null, handle: begin },
      // DSP0266, section 13.3.4: the same.
      { method: 'POST', path: `${SESSIONS}/Members`, right: null, handle: begin },
      get(`${SESSIONS}/:id`, 'read', (exchange) => sessionResource(this.#session(exchange))),
      { method: 'DELETE', path: `${SESSIONS}/:id`, right: 'read', handle: end },
    ];
  }

  /** 202 with the task and its monitor. */
  #accept({ response }: Exchange, task: Task): void {
    const wait = task.state === 'Running' ? this.#options.service.retryAfter : 1;
    sendJson(response, 202, taskResource(task), {
      ...ODATA,
      location: monitorPath(task),
      'retry-after': String(Math.min(MAX_RETRY_AFTER_S, wait)),
    });
  }

  /**
   * 202 while the task is running, then 200 with the task, for every request. `TaskState` has the result, also of a task
   * that failed. bmcweb answers 204 and then 404, which some clients take for a failure.
   */
  #monitor(exchange: Exchange): void {
    const task = this.#task(exchange);
    if (task.state === 'Running') return this.#accept(exchange, task);
    sendJson(exchange.response, 200, taskResource(task), ODATA);
    return undefined;
  }

  #task({ parameters, path }: Exchange): Task {
    const { id = '' } = parameters;
    const task = this.#tasks.find(id);
    if (task !== null) return task;
    throw problem(404, 'ResourceNotFound', path.startsWith(TASKS) ? 'Task' : 'TaskMonitor', id);
  }

  #session({ parameters }: Exchange): Session {
    const { id = '' } = parameters;
    const session = this.#sessions.find(id);
    if (session !== null) return session;
    throw problem(404, 'ResourceNotFound', 'Session', id);
  }
}

/** DSP0266, section 7.3: unknown queries that begin with a dollar are refused, others are ignored. */
const withKnownQueries = (route: Route): Route => ({
  ...route,
  handle: (exchange) => {
    const names = [...exchange.query.keys()];
    if (names.some((name) => name.startsWith('$'))) throw problem(501, 'QueryNotSupported');
    return route.handle(exchange);
  },
});

/** A route that reads a resource. */
const get = (path: string, right: Right | null, resource: (exchange: Exchange) => object): Route => ({
  method: 'GET',
  path,
  right,
  handle: (exchange) => sendJson(exchange.response, 200, resource(exchange), ODATA),
});

const post = (path: string, handle: Route['handle']): Route => ({
  method: 'POST',
  path,
  right: 'write',
  handle,
});
