// An app on Slack's Socket Mode client without Bolt. It prints "ready" when it is connected, and a line for each
// acknowledgement that the client has sent.
const { SocketModeClient } = require('@slack/socket-mode');
const { WebClient, LogLevel } = require('@slack/web-api');

const clientOptions = { slackApiUrl: process.env.SLACK_API_URL };
const web = new WebClient(process.env.SLACK_BOT_TOKEN, { ...clientOptions, logLevel: LogLevel.ERROR });
const socket = new SocketModeClient({ appToken: process.env.SLACK_APP_TOKEN, clientOptions, logLevel: LogLevel.ERROR });

const plain = (text) => ({ type: 'plain_text', text });
const form = {
  type: 'modal',
  title: plain('Order'),
  submit: plain('Order'),
  blocks: [{
    type: 'input', block_id: 'what', label: plain('What'), element: { type: 'plain_text_input', action_id: 'value' },
  }],
};

socket.on('slash_commands', async ({ ack, body }) => {
  const [what, size] = body.text.split(' ');
  if (what === 'say') await ack({ text: 'x'.repeat(Number(size)) });
  else await ack(); // the client sends it with the payload {}
  console.log(`acknowledged ${body.text}`);
  if (what === 'form') await web.views.open({ trigger_id: body.trigger_id, view: form });
});

socket.on('interactive', async ({ ack, body }) => {
  await ack();
  console.log(`acknowledged ${body.type}`);
});

(async () => {
  await socket.start();
  console.log('ready');
})();

process.on('SIGTERM', async () => {
  await socket.disconnect();
  process.exit(0);
});
