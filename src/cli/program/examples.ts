// Examples of every command, by its path. `--help` and the man page show them. A test checks each against the table of commands.

export interface Example {
  readonly words: string;
  readonly does: string;
}

const example = (words: string, does: string): Example => ({ words, does });

export const EXAMPLES: Readonly<Record<string, readonly Example[]>> = {
  '': [
    example('linkgate demo', 'try it, on this machine only'),
    example('linkgate init', 'for real: 1. write a first configuration'),
    example('linkgate run', '2. start the proxy (a server: systemd install)'),
    example('linkgate dns --wait', '3. create the DNS records, wait until they spread'),
    example('linkgate doctor', '4. fix what is not green; verify in Customer.io'),
    example('linkgate status', 'later: the state of each domain'),
  ],
  init: [
    example('linkgate init', 'asks for what it needs'),
    example('linkgate init --region eu --domain links.acme.com', 'asks for the rest'),
    example('linkgate init --yes --region us --domain a.example', 'asks nothing: for scripts'),
  ],
  run: [
    example('linkgate run', 'in a terminal, or as systemd starts it'),
    example('linkgate run --config /srv/links.yaml', 'with another configuration'),
  ],
  dns: [
    example('linkgate dns', 'shows what is wanted, and what exists now'),
    example('linkgate dns --to proxy.acme.net', 'CNAME records to a name of the proxy'),
    example('linkgate dns --zone', 'lines for a zone file'),
    example('linkgate dns --wait', 'until every server has them; Ctrl-C stops'),
  ],
  doctor: [
    example('linkgate doctor', 'every domain, and this machine'),
    example('linkgate doctor links.acme.com -v', 'one domain, with reasons and evidence'),
    example('linkgate doctor --resolver 1.1.1.1', 'as another name server sees it'),
  ],
  status: [
    example('linkgate status', 'a row for each domain'),
    example('linkgate status --watch', 'again every two seconds'),
    example('linkgate status --json', 'for scripts'),
  ],
  check: [
    example('linkgate check', 'each mistake with its line, or the settings'),
    example('linkgate check --json --config new.yaml', 'before you use a new file'),
  ],
  reload: [example('linkgate reload', 'after a change of the configuration')],
  retire: [
    example('linkgate retire links.acme.com', 'the way back, and the traffic'),
    example('linkgate retire links.acme.com --watch', 'the traffic again every minute'),
    example('linkgate retire links.acme.com --now', 'stop serving it, for good'),
  ],
  certs: [
    example('linkgate certs list', 'a row for each domain'),
    example('linkgate certs renew', 'renew what is due'),
  ],
  'certs list': [
    example('linkgate certs list', 'state, expiry, next order, last problem'),
    example('linkgate certs list --json', 'for scripts'),
  ],
  'certs show': [
    example('linkgate certs show links.acme.com', 'serial, chain, when the CA asks for renewal'),
  ],
  'certs issue': [
    example('linkgate certs issue links.acme.com', 'now, and not at the next attempt'),
    example('linkgate certs issue links.acme.com --force', 'in place of an imported one'),
  ],
  'certs renew': [
    example('linkgate certs renew', 'each one that is due'),
    example('linkgate certs renew links.acme.com --force', 'even if it is not due'),
  ],
  'certs revoke': [
    example('linkgate certs revoke links.acme.com --reason keyCompromise', 'when others have seen its key'),
  ],
  'certs import': [
    example('linkgate certs import a.example --cert a.pem --key a.key', 'PEM'),
    example('linkgate certs import a.example --pfx a.pfx', 'PKCS#12; asks for the password'),
    example('linkgate certs import --dir /etc/haproxy/certs', 'each NAME.pem of a folder'),
  ],
  'certs export': [
    example('linkgate certs export links.acme.com --out .', 'links.acme.com.pem: chain and key'),
    example('linkgate certs export --ca --out ca.pem', 'the root certificate of the local CA'),
  ],
  storage: [example('linkgate storage export linkgate.age', 'a backup')],
  'storage export': [example('linkgate storage export linkgate.age', 'asks for the password')],
  'storage import': [example('linkgate storage import linkgate.age', 'before the first start')],
  systemd: [example('linkgate systemd print', 'read the units before you install them')],
  'systemd print': [example('linkgate systemd print', 'shows what install would write')],
  'systemd install': [
    example('linkgate systemd install', 'as root'),
    example('linkgate systemd install --user web', 'the service runs as the account web'),
  ],
  'systemd uninstall': [example('linkgate systemd uninstall', 'as root, after the last `linkgate retire`')],
  demo: [
    example('linkgate demo', 'on ports 8443, 8080 and 9464 of loopback'),
    example('linkgate demo --https 127.0.0.1:0', 'on any free port'),
  ],
  completion: [
    example('source <(linkgate completion bash)', 'in this shell'),
    example('linkgate completion fish', 'for ~/.config/fish/completions/linkgate.fish'),
  ],
};
