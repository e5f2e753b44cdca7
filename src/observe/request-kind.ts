// The kind of a request on a tracking host, by its path alone. It never decodes the path: one id opens the click, open and
// unsubscribe links of the same mail, so no other file gets the path.

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
 * @returns `other` for every path that is not known from Customer.io's mail
 */
export const clickKind = (target: string): ClickKind => {
  for (const [prefix, kind] of PREFIXES) {
    if (target.startsWith(prefix)) return kind;
  }
  return 'other';
};
