// Examples of every command, by its path: shown by `--help` and in the man page. A test holds each against the table of commands.

export interface Example {
  readonly words: string;
  readonly does: string;
}

const example = (words: string, does: string): Example => ({ words, does });

export const EXAMPLES: Readonly<Record<string, readonly Example[]>> = {
  '': [
    example('linkgate demo', 'try it, on this machine only'),
    example('linkgate init', 'then for real: a first configuration'),
    example('linkgate dns --wait', 'the DNS records, until they are everywhere'),
    example('linkgate run', 'serve'),
    example('linkgate doctor', 'what is not green yet, and how to fix it'),
  ],
  run: [
    example('linkgate run', 'in the foreground, as systemd wants it'),
    example('linkgate run --config /srv/links.yaml', 'with a configuration elsewhere'),
  ],
  demo: [
    example('linkgate demo', 'on ports 8443, 8080 and 9464 of loopback'),
    example('linkgate demo --https 127.0.0.1:0', 'on any free port'),
  ],
  init: [
    example('linkgate init', 'asks what it needs to know'),
    example('linkgate init --region eu --domain links.acme.com', 'asks only for what is not given'),
    example('linkgate init --yes --region us --domain a.example', 'asks nothing: for scripts'),
  ],
  check: [
    example('linkgate check', 'every mistake with its line, or the settings'),
    example('linkgate check --json --config new.yaml', 'before a new file is taken into use'),
  ],
  status: [
    example('linkgate status', 'a row per domain'),
    example('linkgate status --watch', 'again every two seconds'),
    example('linkgate status --json', 'for scripts'),
  ],
  reload: [example('linkgate reload', 'after the configuration changed')],
  doctor: [
    example('linkgate doctor', 'every domain, and this machine'),
    example('linkgate doctor links.acme.com -v', 'one, with why it matters and the evidence'),
    example('linkgate doctor --resolver 1.1.1.1', 'as another name server sees it'),
  ],
  dns: [
    example('linkgate dns', 'wanted, and there now'),
    example('linkgate dns --to proxy.acme.net', 'as CNAMEs to a name of the proxy'),
    example('linkgate dns --zone', 'lines for a zone file'),
    example('linkgate dns --wait', 'until every server has them; Ctrl-C stops'),
  ],
  retire: [
    example('linkgate retire links.acme.com', 'how to go back, and the traffic as it falls'),
    example('linkgate retire links.acme.com --watch', 'again every minute'),
    example('linkgate retire links.acme.com --now', 'stop serving it, for good'),
  ],
  certs: [example('linkgate certs list', 'a row per domain'), example('linkgate certs renew', 'what is due')],
  'certs list': [
    example('linkgate certs list', 'state, expiry, next order, last problem'),
    example('linkgate certs list --json', 'for scripts'),
  ],
  'certs show': [example('linkgate certs show links.acme.com', 'serial, chain, renewal window of the CA')],
  'certs issue': [
    example('linkgate certs issue links.acme.com', 'now, instead of at the next attempt'),
    example('linkgate certs issue links.acme.com --force', 'in the place of an imported one'),
  ],
  'certs renew': [
    example('linkgate certs renew', 'all that are due'),
    example('linkgate certs renew links.acme.com --force', 'also when it is not'),
  ],
  'certs revoke': [
    example('linkgate certs revoke links.acme.com --reason keyCompromise', 'when its key was seen'),
  ],
  'certs import': [
    example('linkgate certs import a.example --cert a.pem --key a.key', 'PEM'),
    example('linkgate certs import a.example --pfx a.pfx', 'PKCS#12; asks for the password'),
    example('linkgate certs import --dir /etc/haproxy/certs', 'every NAME.pem of a folder'),
  ],
  'certs export': [
    example('linkgate certs export links.acme.com --out .', 'links.acme.com.pem: chain and key'),
    example('linkgate certs export --ca --out ca.pem', 'the root of the local CA'),
  ],
  storage: [example('linkgate storage export linkgate.age', 'a backup')],
  'storage export': [example('linkgate storage export linkgate.age', 'asks for the password')],
  'storage import': [example('linkgate storage import linkgate.age', 'before the first start')],
  systemd: [example('linkgate systemd print', 'to look at them first')],
  'systemd print': [example('linkgate systemd print', 'what install would write')],
  'systemd install': [
    example('linkgate systemd install', 'as root'),
    example('linkgate systemd install --user web', 'as an account of yours'),
  ],
  completion: [
    example('source <(linkgate completion bash)', 'in this shell'),
    example('linkgate completion fish', 'for ~/.config/fish/completions/linkgate.fish'),
  ],
};
