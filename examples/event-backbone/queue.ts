/** A durable queue in SQLite: at least once, given up after some attempts. */
import Database from 'better-sqlite3';

export interface Job { readonly id: number; readonly customer: string; readonly event: string; readonly attempts: number }

export class Queue {
  readonly #db: Database.Database;

  constructor(file: string, private readonly maxAttempts: number) {
    this.#db = new Database(file);
    this.#db.exec(`CREATE TABLE IF NOT EXISTS jobs (
      id INTEGER PRIMARY KEY, customer TEXT NOT NULL, event TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
      state TEXT NOT NULL DEFAULT 'waiting', outcome TEXT)`);
    // What a worker that died had taken is done again.
    this.#db.exec(`UPDATE jobs SET state = 'waiting' WHERE state = 'taken'`);
  }

  put(customer: string, event: object): void {
    this.#db.prepare('INSERT INTO jobs (customer, event) VALUES (?, ?)').run(customer, JSON.stringify(event));
  }

  take(): Job | undefined {
    return this.#db.prepare(`UPDATE jobs SET state = 'taken', attempts = attempts + 1
      WHERE id = (SELECT id FROM jobs WHERE state = 'waiting' ORDER BY attempts, id LIMIT 1) RETURNING id, customer, event, attempts`).get() as Job | undefined;
  }

  done(job: Job, outcome: unknown): void {
    this.#db.prepare(`UPDATE jobs SET state = 'done', outcome = ? WHERE id = ?`).run(JSON.stringify(outcome), job.id);
  }

  failed(job: Job, why: string): void {
    this.#db.prepare('UPDATE jobs SET state = ?, outcome = ? WHERE id = ?').run(job.attempts < this.maxAttempts ? 'waiting' : 'dead', why, job.id);
  }

  all(): { customer: string; state: string; outcome: string | null; attempts: number }[] {
    return this.#db.prepare('SELECT customer, state, outcome, attempts FROM jobs ORDER BY id').all() as ReturnType<Queue['all']>;
  }

  close(): void {
    this.#db.close();
  }
}
