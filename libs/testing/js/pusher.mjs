// pusher-js: public, private and presence channels, client events, sign-in.
import assert from 'node:assert/strict';
import { connect, once, publish } from './support.mjs';

const seven = connect(7);
const eight = connect(8);
const bound = (emitter, event) => once(event, (done) => emitter.bind(event, done));
const subscribed = async (pusher, name) => {
  const channel = pusher.subscribe(name);
  const members = await bound(channel, 'pusher:subscription_succeeded');
  return { channel, members };
};

// Public.
const general = (await subscribed(seven, 'publicchat.general')).channel;
const heard = bound(general, 'MessageSent');
assert.equal(await publish('public', 'general', 'MessageSent', { message: '¡hola!' }), 'publicchat.general');
assert.equal((await heard).message, '¡hola!');

// Private, under the documented and under the short name.
const own = (await subscribed(seven, 'private-privateuser.7')).channel;
const short = (await subscribed(eight, 'private-user.8')).channel;
const notified = [bound(own, 'UserNotification'), bound(short, 'UserNotification')];
await publish('private', '7', 'UserNotification', { title: 'A' });
await publish('private', '8', 'UserNotification', { title: 'B' });
assert.deepEqual((await Promise.all(notified)).map((data) => data.title), ['A', 'B']);

// Somebody else's, and a name that only looks public.
for (const name of ['private-privateuser.9', 'privateuser.9', 'client.9.7']) {
  const refused = await bound(seven.subscribe(name), 'pusher:subscription_error');
  assert.ok([401, 403].includes(refused.status), `${name}: ${JSON.stringify(refused)}`);
}

// Presence: here, joining, whispers with the signed user, leaving.
const room = 'presence-presencechat.sala-1';
const first = await subscribed(seven, room);
assert.equal(first.members.count, 1);
assert.equal(first.members.me.id, '7');
const added = bound(first.channel, 'pusher:member_added');
const second = await subscribed(eight, room);
assert.equal(second.members.count, 2);
assert.deepEqual(second.members.get('7').info, { id: 7, name: 'Agente 7' });
assert.equal((await added).id, '8');
const whisper = bound(second.channel, 'client-typing');
first.channel.trigger('client-typing', { typing: true });
const { typing, metadata } = await whisper;
assert.equal(typing, true);
assert.equal(metadata.user_id, '7');
const removed = bound(first.channel, 'pusher:member_removed');
eight.disconnect();
assert.equal((await removed).id, '8');

// The sender of a request does not hear its own event.
const echoes = [];
general.bind('ToOthers', (data) => echoes.push(data.n));
await publish('public', 'general', 'ToOthers', { n: 1 }, seven.connection.socket_id);
const last = bound(general, 'Last');
await publish('public', 'general', 'Last', {});
await last;
assert.deepEqual(echoes, []);

// Sign-in brings the channel of the user along.
seven.signin();
const signedIn = await bound(seven, 'pusher:signin_success');
assert.equal(JSON.parse(signedIn.user_data).id, '7');
seven.disconnect();

// An unknown key ends for good, not in endless attempts.
const stranger = connect(7, 'unknown-key');
const error = await bound(stranger.connection, 'error');
assert.equal(error.data?.code ?? error.error?.data?.code, 4001);
await once('the end', (done) => {
  const look = () => (['disconnected', 'failed'].includes(stranger.connection.state) ? done() : setTimeout(look, 20));
  look();
});
stranger.disconnect();
