// Tells what a request on a tracking host is for, by its path alone. Never decodes: one id opens click, open and
// unsubscribe of the same mail, so the path itself goes no further than here.

/** Every kind, in the order of its index in the metrics. */
export const CLICK_KINDS = ['click', 'open', 'unsubscribe', 'view', 'preferences', 'other'] as const;

export type ClickKind = (typeof CLICK_KINDS)[number];

const PREFIXES: readonly (readonly [string, ClickKind])[] = [
  ['/e/c/', 'click'],
  ['/e/o/', 'open'],
  ['/unsubscribe/', 'unsubscribe'],
  ['/deliveries/', 'view'],
  ['/manage_subscription_preferences/', 'preferences'],
];

/**
 * @param target - request target as it was received (RFC 9112 §3.2), any bytes
 * @returns `other` for every path that Customer.io's mail is not known to hold
 */
export const clickKind = (target: string): ClickKind => {
  for (const [prefix, kind] of PREFIXES) {
    if (target.startsWith(prefix)) return kind;
  }
  return 'other';
};
