/** One thing that is wrong with a profile. `what` says what was found, what was expected and what to do. */
export interface ProfileProblem {
  /** Inside the profile, e.g. `etcdPeerCertificates[1]`. */
  readonly path: string;
  readonly what: string;
}

/** What a profile is measured by. */
export interface ProfileWish {
  /** How many there are; each needs a peer of etcd. */
  readonly masters: number;
  readonly now: Date;
  /** Names (`DNS:…`, `IP:…`) that a certificate must carry, by its field: those under which it is reached. */
  readonly names: Readonly<Partial<Record<string, readonly string[]>>>;
  /** Certificates that have expired are no problem: a rescue is what they are there for. */
  readonly expiredToo: boolean;
  /** Wishes that only a new set must meet: admins are admins, keys are strong, nothing ends within days. */
  readonly fresh: boolean;
}
