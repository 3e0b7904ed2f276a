import { Heap } from './heap.ts';

/** Tasks that are in the same limited groups wait together: whether one may begin is asked once for all of them. */
interface Queue {
  readonly groups: readonly Group[];
  /** Indexes of tasks, ascending. */
  readonly tasks: number[];
  next: number;
}

interface Group {
  free: number;
  readonly waiting: Heap<Queue>;
}

/**
 * Whose turn it is: which tasks may run under a limit for all and limits for groups. A task begins when there is room
 * in all its groups at once, so nobody holds one place while waiting for another, and nothing can lock up. Earlier
 * tasks come first, and those that cannot begin let later ones pass. A step costs the logarithm of the number of tasks.
 */
export class Turns {
  readonly #ready = new Heap<Queue>();
  readonly #queueOf: readonly Queue[];
  #free: number;

  /** `groupsOf`: for each task its groups; those without a limit do not matter. Limits are whole numbers from 1 on. */
  constructor(atOnce: number, limits: ReadonlyMap<string, number>, groupsOf: readonly (readonly string[])[]) {
    this.#free = atOnce;
    const groups = new Map([...limits].map(([name, limit]): [string, Group] => [name, { free: limit, waiting: new Heap() }]));
    const queues = new Map<string, Queue>();
    this.#queueOf = groupsOf.map((names, task) => {
      const limited = [...new Set(names)].filter((name) => groups.has(name)).sort();
      const key = JSON.stringify(limited);
      let queue = queues.get(key);
      if (queue === undefined) queues.set(key, (queue = { groups: limited.flatMap((name) => groups.get(name) ?? []), tasks: [], next: 0 }));
      queue.tasks.push(task);
      return queue;
    });
    for (const queue of queues.values()) this.#putBack(queue);
  }

  /** The next task that may begin now, or undefined: then one that runs has to end first. */
  begin(): number | undefined {
    while (this.#free > 0) {
      const queue = this.#ready.take();
      if (queue === undefined) return undefined;
      const full = queue.groups.find((group) => group.free === 0);
      if (full === undefined) return this.#start(queue);
      full.waiting.put(rank(queue), queue);
      // it was woken for a place that it cannot take now: another may
      for (const group of queue.groups) if (group.free > 0) this.#wake(group);
    }
    return undefined;
  }

  /** A task that had begun has ended. */
  end(task: number): void {
    this.#free += 1;
    for (const group of this.#queueOf[task]?.groups ?? []) {
      group.free += 1;
      this.#wake(group);
    }
  }

  #start(queue: Queue): number | undefined {
    const task = queue.tasks[queue.next];
    queue.next += 1;
    this.#free -= 1;
    for (const group of queue.groups) group.free -= 1;
    this.#putBack(queue);
    return task;
  }

  #putBack(queue: Queue): void {
    if (queue.next < queue.tasks.length) this.#ready.put(rank(queue), queue);
  }

  /** For each free place of a group at least one of those that wait for it is asked again. */
  #wake(group: Group): void {
    const queue = group.waiting.take();
    if (queue !== undefined) this.#ready.put(rank(queue), queue);
  }
}

function rank(queue: Queue): number {
  return queue.tasks[queue.next] ?? Infinity;
}
