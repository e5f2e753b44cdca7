// Top-level domains that Chromium's HSTS preload list (transport_security_state_static.json) holds whole, subdomains included: a
// name below one of them is never asked for over http by a browser. The list's single domains (above 100,000, changed daily) do
// not stand here: to stay in it they must send includeSubDomains themselves, which checks/hsts.ts sees.

export const PRELOADED: ReadonlySet<string> = new Set(
  [
    // opened by Google Registry
    'android app bank boo channel chrome dad day dev eat esq fly foo gle gmail google hangout ing insurance meet meme',
    'mov new nexus page phd play prof rsvp search youtube zip',
  ].flatMap((line) => line.split(' ')),
);
