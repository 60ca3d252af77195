/** How a request at a target ended, as far as it speaks for or against the target. */
export type TargetOutcome = 'good' | 'bad' | 'unknown';

/** One request's use of a target; it has to be ended, once. */
export interface Lease<Target> {
  readonly target: Target;
  end(outcome: TargetOutcome): void;
}

export interface TargetStatus<Target> {
  readonly target: Target;
  readonly inFlight: number;
  readonly state: 'available' | 'ejected' | 'unhealthy';
}

/** Chooses among the instances of an upstream. */
export interface Targets<Target> {
  /** A target for a request, another one than `except`; undefined when there is no other. */
  take(except?: Target): Lease<Target> | undefined;
  /** What an active check has found. */
  setHealthy(target: Target, healthy: boolean): void;
  status(): TargetStatus<Target>[];
}

export interface TargetsOptions<Target> {
  readonly now: () => number;
  /** A number in [0, 1). */
  readonly random: () => number;
  /** So many bad outcomes in a row eject a target. */
  readonly failuresBeforeEjection?: number;
  /** The first ejection's length in milliseconds; each further one in a row is twice as long, up to a minute. */
  readonly ejectionMs?: number;
  readonly onEjection?: (target: Target) => void;
}

interface Seat<Target> {
  readonly target: Target;
  inFlight: number;
  failures: number;
  ejections: number;
  ejectedUntil: number;
  healthy: boolean;
}

const longestEjectionMs = 60_000;

/**
 * Of two targets taken at random the one with fewer requests in flight (the power of two choices, Mitzenmacher 2001). One
 * that fails several times in a row is left out for a while, and on its return until it has answered well once; but when
 * more than half would be left out, all are used: something else is wrong then.
 */
export function createTargets<Target>(
  given: readonly Target[],
  options: TargetsOptions<Target>,
): Targets<Target> {
  const { now, random, failuresBeforeEjection = 5, ejectionMs = 1_000, onEjection = () => {} } = options;
  const seats: Seat<Target>[] = given.map((target) => ({
    target,
    inFlight: 0,
    failures: 0,
    ejections: 0,
    ejectedUntil: 0,
    healthy: true,
  }));
  const isAvailable = (seat: Seat<Target>) => seat.healthy && seat.ejectedUntil <= now();

  const choose = (except: Target | undefined): Seat<Target> | undefined => {
    if (seats.length === 1) return seats[0]?.target === except ? undefined : seats[0];
    const available = seats.filter(isAvailable);
    const usable = available.length * 2 < seats.length ? seats : available;
    const others = usable.filter(({ target }) => target !== except);
    const first = others[Math.floor(random() * others.length)];
    const rest = others.filter((seat) => seat !== first);
    const second = rest[Math.floor(random() * rest.length)];
    return second !== undefined && first !== undefined && second.inFlight < first.inFlight ? second : first;
  };

  const judge = (seat: Seat<Target>, outcome: TargetOutcome) => {
    if (outcome === 'good') {
      seat.failures = 0;
      seat.ejections = 0;
    } else if (outcome === 'bad') {
      seat.failures += 1;
      // Requests that were under way when it was ejected say nothing new.
      if (seat.failures < failuresBeforeEjection || seat.ejectedUntil > now()) return;
      seat.ejectedUntil = now() + Math.min(ejectionMs * 2 ** seat.ejections, longestEjectionMs);
      seat.ejections += 1;
      onEjection(seat.target);
    }
  };

  return {
    take(except) {
      const seat = choose(except);
      if (seat === undefined) return undefined;
      seat.inFlight += 1;
      let ended = false;
      return {
        target: seat.target,
        end(outcome) {
          if (ended) return;
          ended = true;
          seat.inFlight -= 1;
          judge(seat, outcome);
        },
      };
    },
    setHealthy(target, healthy) {
      for (const seat of seats) if (seat.target === target) seat.healthy = healthy;
    },
    status: () =>
      seats.map((seat) => ({
        target: seat.target,
        inFlight: seat.inFlight,
        state: !seat.healthy ? 'unhealthy' : isAvailable(seat) ? 'available' : 'ejected',
      })),
  };
}
