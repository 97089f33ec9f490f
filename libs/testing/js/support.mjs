// What the scripts share: where the server is, and waiting with a limit.
import Pusher from 'pusher-js';

export const key = process.env.APP_KEY;
export const backend = process.env.BACKEND;

const PATIENCE = 20_000;

/// The options that make pusher-js speak to our server alone.
export function options(user) {
  return {
    cluster: '',
    wsHost: '127.0.0.1',
    wsPort: Number(process.env.WS_PORT),
    forceTLS: false,
    disableStats: true,
    enabledTransports: ['ws'],
    channelAuthorization: {
      endpoint: `${backend}/broadcasting/auth`,
      transport: 'ajax',
      headers: { 'X-Test-User': String(user) },
    },
    userAuthentication: {
      endpoint: `${backend}/broadcasting/user-auth`,
      transport: 'ajax',
      headers: { 'X-Test-User': String(user) },
    },
  };
}

export function connect(user, appKey = key) {
  return new Pusher(appKey, options(user));
}

/// Resolves with the first argument of a callback; fails with `what` after a while.
export function once(what, subscribe) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`waited too long for ${what}`)), PATIENCE);
    subscribe((value, metadata) => {
      clearTimeout(timer);
      resolve(metadata?.user_id === undefined ? value : { ...value, metadata });
    });
  });
}

/// Publishes as the backend does.
export async function publish(kind, name, event, data, except) {
  const answer = await fetch(`${backend}/publish`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ kind, name, event, data, except }),
  });
  if (!answer.ok) throw new Error(`publish: ${answer.status}`);
  return (await answer.json()).channel;
}
