// Command lines that connect a first device, with this server's addresses filled in.

const ANY_HOST = new Set(['', '0.0.0.0', '::', '[::]']);

// hostPort splits "host:port"; a host that means "every interface" becomes the one the page came from.
export function hostPort(address, pageHost) {
  const cut = address.lastIndexOf(':');
  const host = address.slice(0, Math.max(0, cut));
  return { host: ANY_HOST.has(host) ? pageHost : host.replace(/^\[|\]$/g, ''), port: address.slice(cut + 1) };
}

const joined = ({ host, port }) => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`);

// commands lists {name, command} for every way that the server listens on. Commands are broken where a shell
// lets them be, so that they read well and can be pasted as they are.
export function commands({ stomp, mqtt }, pageHost) {
  const list = [];
  const s = stomp && hostPort(stomp, pageHost);
  const m = mqtt && hostPort(mqtt, pageHost);
  if (s && m) list.push({ name: 'sim', command: `mwm sim --trucks 20 --phones 5 \\\n  --stomp ${joined(s)} \\\n  --mqtt ${joined(m)}` });
  if (m) {
    list.push({
      name: 'mosquitto',
      command: [
        `mosquitto_pub -h ${m.host} -p ${m.port} -i BBB \\`,
        '  -t device/BBB/location \\',
        `  -m '{"deviceID":"BBB","lat":42.5063,"lng":1.5218}'`,
      ].join('\n'),
    });
  }
  if (s) {
    list.push({
      name: 'netcat',
      command: [
        `(printf 'CONNECT\\nclient-id:CCC\\n\\n\\0'`,
        ` printf 'SEND\\ndestination:/topic/device.CCC.location\\n\\n'`,
        ` printf '{"deviceID":"CCC","lat":42.5078,"lng":1.5211}\\0'`,
        ` sleep 60) | nc ${s.host} ${s.port}`,
      ].join('\n'),
    });
  }
  return list;
}

// phoneCommand starts a server that a phone in the same network can reach; without credentials it has to be told that this is meant.
export const phoneCommand = 'mwm serve --http 0.0.0.0:8080 --allow-anonymous';

const LOOPBACK = /^(localhost|.*\.localhost|127\..*|\[::1\])$/;

// phoneURL chooses the address that a phone is sent to, from those that the server names and the one that this page came
// from: with TLS before without, then the one that is known to work, this page's; null if there is none.
export function phoneURL(urls, { origin, hostname }) {
  const own = LOOPBACK.test(hostname) ? [] : [`${origin}/phone`];
  const all = [...own, ...urls];
  return all.find((url) => url.startsWith('https:')) ?? all[0] ?? null;
}
