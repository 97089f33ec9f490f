// laravel-echo over pusher-js: channel, private, join, whisper, toOthers.
import assert from 'node:assert/strict';
import Echo from 'laravel-echo';
import { connect, once, publish } from './support.mjs';

const echo = (user) => new Echo({ broadcaster: 'pusher', client: connect(user), namespace: false });
const seven = echo(7);
const eight = echo(8);
const settled = (channel) =>
  once('the subscription', (done) => channel.subscribed(() => done()).error((error) => done({ error })));

// Public.
const general = seven.channel('publicchat.general');
assert.equal(await settled(general), undefined);
const sent = once('MessageSent', (done) => general.listen('MessageSent', done));
await publish('public', 'general', 'MessageSent', { chatId: 'chat-1', message: 'Hola' });
assert.deepEqual(await sent, { chatId: 'chat-1', message: 'Hola' });

// Private.
const own = seven.private('privateuser.7');
assert.equal(await settled(own), undefined);
const notified = once('UserNotification', (done) => own.listen('UserNotification', done));
await publish('private', '7', 'UserNotification', { title: 'Nuevo mensaje' });
assert.equal((await notified).title, 'Nuevo mensaje');
assert.ok((await settled(seven.private('privateuser.8'))).error);
assert.ok((await settled(seven.channel('privateuser.8'))).error);

// Presence.
const room = seven.join('presencechat.chat-7');
const here = await once('here', (done) => room.here(done));
assert.deepEqual(here, [{ id: 7, name: 'Agente 7' }]);
assert.ok((await settled(eight.join('presencechat.chat-7'))).error);
const joining = once('joining', (done) => seven.join('presencechat.sala-1').joining(done));
await once('here', (done) => seven.join('presencechat.sala-1').here(done));
const other = eight.join('presencechat.sala-1');
const both = await once('here', (done) => other.here(done));
assert.deepEqual(both.map((member) => member.name).sort(), ['Agente 7', 'Agente 8']);
assert.deepEqual(await joining, { id: 8, name: 'Agente 8' });
const typing = once('typing', (done) => other.listenForWhisper('typing', done));
seven.join('presencechat.sala-1').whisper('typing', { name: 'Agente 7' });
assert.equal((await typing).name, 'Agente 7');
const event = once('the event', (done) => other.listen('MessageSent', done));
await publish('presence', 'sala-1', 'MessageSent', { n: 2 }, seven.socketId());
assert.equal((await event).n, 2);
const leaving = once('leaving', (done) => seven.join('presencechat.sala-1').leaving(done));
eight.leave('presencechat.sala-1');
assert.deepEqual(await leaving, { id: 8, name: 'Agente 8' });

seven.disconnect();
eight.disconnect();
