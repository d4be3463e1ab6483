// A page as the book's first example has it: stomp.js 2.3 shows where the trucks are, and sends texts to them.
// The query says where the broker is: ?url=ws://host:61614

const url = new URLSearchParams(location.search).get('url');
const client = Stomp.client(url);
const devices = new Map();

client.debug = null;
client.connect({ login: '', passcode: '' }, (frame) => {
  document.querySelector('#state').textContent = `connected with ${frame.headers.version}`;
  client.subscribe('/topic/device.*.location', (message) => show(JSON.parse(message.body)));
}, (error) => {
  document.querySelector('#state').textContent = `failed: ${error}`;
});

function show({ deviceID, lat, lng }) {
  if (!devices.has(deviceID)) {
    document.querySelector('#device').add(new Option(deviceID));
    devices.set(deviceID, document.querySelector('#locations').appendChild(document.createElement('li')));
  }
  devices.get(deviceID).textContent = `${deviceID} φ:${lat.toFixed(4)}, λ:${lng.toFixed(4)}`;
}

document.querySelector('#text-form').addEventListener('submit', (event) => {
  event.preventDefault();
  const id = document.querySelector('#device').value;
  client.send(`/queue/device.${id}.text`, {}, document.querySelector('#text').value);
});
