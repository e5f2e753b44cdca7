// Which of very many items comes next, each with its own time: a heap, so that a turn of the renewal loop costs the same with ten names
// as with a hundred thousand. It knows the times, and not what happens then.

/** Where an item keeps the time it is queued for: `Infinity` when it is not. One number in the item is all it costs. */
export interface QueuedAt<T> {
  get(item: T): number;
  set(item: T, atMs: number): void;
}

/**
 * A queued time is never later than the right one: an item that comes up too early is put in again. So an item whose time moves
 * away need not be found in the heap.
 */
export class Schedule<T> {
  readonly #queuedAt: QueuedAt<T>;
  /** a heap in arrays, so that numbers stay plain; items of the same time come up in the order they were put in */
  #times: number[] = [];
  #turns: number[] = [];
  #items: T[] = [];
  #lastTurn = 0;

  constructor(queuedAt: QueuedAt<T>) {
    this.#queuedAt = queuedAt;
  }

  /** Queues the item for `atMs`, unless it comes up before anyway; `Infinity` queues nothing. */
  put(item: T, atMs: number): void {
    if (!(atMs < this.#queuedAt.get(item))) return;
    this.#queuedAt.set(item, atMs);
    this.#times.push(atMs);
    this.#turns.push((this.#lastTurn += 1));
    this.#items.push(item);
    this.#up(this.#times.length - 1);
  }

  /** Takes out what has come up. */
  take(nowMs: number): readonly T[] {
    const taken: T[] = [];
    while ((this.#times[0] ?? Infinity) <= nowMs) {
      const [atMs, item] = [this.#times[0], this.#items[0]];
      this.#pop();
      // An item that was put in again for an earlier time has come up already.
      if (item === undefined || this.#queuedAt.get(item) !== atMs) continue;
      this.#queuedAt.set(item, Infinity);
      taken.push(item);
    }
    return taken;
  }

  /** when the next one comes up; `Infinity` for never */
  nextMs(): number {
    return this.#times[0] ?? Infinity;
  }

  clear(): void {
    for (const item of this.#items) this.#queuedAt.set(item, Infinity);
    [this.#times, this.#turns, this.#items] = [[], [], []];
  }

  #pop(): void {
    const [time, turn, item] = [this.#times.pop(), this.#turns.pop(), this.#items.pop()];
    if (time === undefined || turn === undefined || item === undefined || this.#times.length === 0) return;
    this.#times[0] = time;
    this.#turns[0] = turn;
    this.#items[0] = item;
    this.#down();
  }

  #up(from: number): void {
    for (let at = from; at > 0;) {
      const above = (at - 1) >> 1;
      if (!this.#isBefore(at, above)) return;
      this.#swap(at, above);
      at = above;
    }
  }

  #down(): void {
    for (let at = 0; ;) {
      const [left, right] = [2 * at + 1, 2 * at + 2];
      const least = this.#isBefore(right, left) ? right : left;
      if (!this.#isBefore(least, at)) return;
      this.#swap(at, least);
      at = least;
    }
  }

  #isBefore(a: number, b: number): boolean {
    const [timeA, timeB] = [this.#times[a] ?? Infinity, this.#times[b] ?? Infinity];
    return timeA === timeB ? (this.#turns[a] ?? Infinity) < (this.#turns[b] ?? Infinity) : timeA < timeB;
  }

  #swap(a: number, b: number): void {
    const [times, turns, items] = [this.#times, this.#turns, this.#items];
    [turns[a], turns[b]] = [turns[b] as number, turns[a] as number];
    [times[a], times[b]] = [times[b] as number, times[a] as number];
    [items[a], items[b]] = [items[b] as T, items[a] as T];
  }
}
