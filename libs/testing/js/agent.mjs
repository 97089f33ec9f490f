// An agent's browser without the browser: the npm packages pusher-js and
// laravel-echo, connected for real. Prints one JSON line for everything that
// happens; subscribes to what standard input names, one channel a line, as
// `public NAME`, `private NAME` or `presence NAME`.
//
//   node agent.mjs SOCKET_PORT AUTH_URL TOKEN

import { createInterface } from 'node:readline';
import Echo from 'laravel-echo';
import Pusher from 'pusher-js';

const [port, authUrl, token] = process.argv.slice(2);
const say = (line) => console.log(JSON.stringify(line));

const headers = { Authorization: `Bearer ${token}` };
const echo = new Echo({
  broadcaster: 'pusher',
  client: new Pusher('atencion', {
    wsHost: '127.0.0.1',
    wsPort: Number(port),
    forceTLS: false,
    enabledTransports: ['ws'],
    disableStats: true,
    cluster: '',
    channelAuthorization: { endpoint: authUrl, transport: 'ajax', headers },
    userAuthentication: { endpoint: authUrl.replace('/auth', '/user-auth'), transport: 'ajax', headers },
  }),
  namespace: false,
});

const pusher = echo.connector.pusher;
pusher.connection.bind('state_change', ({ current }) => say({ state: current }));

const subscribe = {
  public: (name) => echo.channel(name),
  private: (name) => echo.private(name),
  presence: (name) =>
    echo
      .join(name)
      .here((members) => say({ channel: name, here: members }))
      .joining((member) => say({ channel: name, joining: member }))
      .leaving((member) => say({ channel: name, leaving: member })),
};

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const [kind, name] = line.split(' ');
    const channel = subscribe[kind](name);
    channel.subscribed?.(() => say({ channel: name, subscribed: true }));
    channel.error?.((error) => say({ channel: name, error }));
    channel.listenToAll?.((event, data) => say({ channel: name, event, data }));
  })
  .on('close', () => process.exit(0));
