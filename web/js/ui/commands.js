// Command lines that connect a first device, with this server's addresses filled in.

const ANY_HOST = new Set(['', '0.0.0.0', '::', '[::]']);

// hostPort splits "host:port"; a host that means "every interface" becomes the one the page came from.
export function hostPort(address, pageHost) {
  const cut = address.lastIndexOf(':');
  const host = address.slice(0, Math.max(0, cut));
  return { host: (ANY_HOST.has(host) ? pageHost : host).replace(/^\[|\]$/g, ''), port: address.slice(cut + 1) };
}

const LOOPBACK = /^(localhost|.*\.localhost|127\..*|\[?::1\]?)$/;
const joined = ({ host, port }) => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`);

// reached is where a protocol is spoken, seen from where the page is: with TLS if without is for the server's own machine alone.
function reached(plain, secure, pageHost) {
  const near = plain ? hostPort(plain, pageHost) : null;
  const far = secure && (!near || (LOOPBACK.test(near.host) && !LOOPBACK.test(pageHost)));
  return far ? { ...hostPort(secure, pageHost), tls: true } : near;
}

const PASSWORD = '"$MWM_PASSWORD"'; // which mwm's own clients read by themselves
const quoted = (word) => (/^[\w.@-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`);

// Lines of a command are broken where a shell lets them be, so that they read well and can be pasted as they are.
const lines = (...parts) => parts.filter(Boolean).join(' \\\n  ');

function sim(s, m, { selfSigned, sha256 }, user, prefix) {
  return lines(
    `mwm sim ${prefix && `--prefix ${prefix} `}--trucks 20 --phones 5`, `--stomp ${joined(s)}`, `--mqtt ${joined(m)}`, user && `--user ${quoted(user)}`,
    s.tls && (selfSigned ? `--tls --tls-fingerprint ${sha256}` : '--tls'),
  );
}

function mosquitto({ host, port, tls }, user, id) {
  return lines(
    `mosquitto_pub -h ${host} -p ${port} -i ${id}`, tls && '--tls-use-os-certs', user && `-u ${quoted(user)} -P ${PASSWORD}`,
    `-t device/${id}/location`, `-m '{"deviceID":"${id}","lat":42.5063,"lng":1.5218}'`,
  );
}

function netcat({ host, port, tls }, user, id) {
  const login = [`(printf 'CONNECT\\nlogin:%s\\npasscode:%s\\n' \\`, `   ${quoted(user)} ${PASSWORD}`, ` printf 'client-id:${id}\\n\\n\\0'`];
  return [
    ...(user ? login : [`(printf 'CONNECT\\nclient-id:${id}\\n\\n\\0'`]),
    ` printf 'SEND\\ndestination:/topic/device.${id}.location\\n\\n'`,
    ` printf '{"deviceID":"${id}","lat":42.5078,"lng":1.5211}\\0'`,
    ` sleep 60; printf 'DISCONNECT\\n\\n\\0'`,
    tls ? `) | openssl s_client -quiet \\\n  -connect ${joined({ host, port })}` : `) | nc ${host} ${port}`,
  ].join('\n');
}

// commands lists {name, command} for every way that the server listens on: {addresses, tls} of its status. With accounts it is the user who
// connects; the password stands in none of them. A prefix keeps the devices apart from those that are there: two of one ID would take the
// connection from each other.
export function commands({ addresses: { stomp, stomps, mqtt, mqtts } = {}, tls = {} }, pageHost, user = '', prefix = '') {
  const s = reached(stomp, stomps, pageHost);
  const m = reached(mqtt, mqtts, pageHost);
  const list = [];
  if (user && (s || m)) list.push({ name: 'password', command: 'read -rs MWM_PASSWORD; export MWM_PASSWORD' });
  if (s && m && s.tls === m.tls) list.push({ name: 'sim', command: sim(s, m, tls, user, prefix) });
  if (m && !(m.tls && tls.selfSigned)) list.push({ name: 'mosquitto', command: mosquitto(m, user, `${prefix}BBB`) }); // it trusts no certificate by its fingerprint
  if (s) list.push({ name: 'netcat', command: netcat(s, user, `${prefix}CCC`) });
  return list;
}

// phoneCommand starts a server that a phone in the same network can reach, with HTTPS for its sensors; without accounts it has to be told that
// everybody may come.
export const phoneCommand = (accounts, demo) => lines(
  `${demo ? 'mwm demo' : 'mwm serve'} ${accounts ? '--accounts accounts' : '--allow-anonymous'}`, '--http :8080 --https :8443', '--tls-self-signed',
);

// phoneURL chooses the address that a phone is sent to, from those that the server names and the one that this page came
// from: with TLS before without, then the one that is known to work, this page's; null if there is none.
export function phoneURL(urls, { origin, hostname }) {
  const own = LOOPBACK.test(hostname) ? [] : [`${origin}/phone`];
  const all = [...own, ...urls];
  return all.find((url) => url.startsWith('https:')) ?? all[0] ?? null;
}
