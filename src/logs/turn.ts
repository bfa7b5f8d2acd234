/** Works one after the other, each whether the one before succeeded or not. */
export class Turn {
  #last: Promise<unknown> = Promise.resolve();

  take<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(work, work);
    this.#last = mine.catch(() => undefined); // the caller has the error; the next in line does not care
    return mine;
  }
}
