// An app on Bolt with a command, a button, a modal and a Home tab. Three environment variables are all that it knows of
// the workspace; a fourth, ANSWER, can hold the message with which it acknowledges "in ack". It prints "ready" when it
// is connected.
const { App, LogLevel } = require('@slack/bolt');

const app = new App({
  token: process.env.SLACK_BOT_TOKEN,
  appToken: process.env.SLACK_APP_TOKEN,
  socketMode: true,
  clientOptions: { slackApiUrl: process.env.SLACK_API_URL },
  logLevel: LogLevel.ERROR,
});

const answer = process.env.ANSWER ? JSON.parse(process.env.ANSWER) : 'answered in the acknowledgement';

const plain = (text) => ({ type: 'plain_text', text });

const card = (text) => ({
  response_type: 'ephemeral',
  text,
  blocks: [
    { type: 'section', text: { type: 'mrkdwn', text: `*${text}*` } },
    {
      type: 'actions',
      elements: [
        {
          type: 'button',
          action_id: 'buy',
          style: 'primary',
          value: text,
          text: plain('Buy'),
          confirm: { title: plain('Sure?'), text: plain(`Buy ${text}?`), confirm: plain('Yes'), deny: plain('No') },
        },
        { type: 'button', action_id: 'edit', text: plain('Edit'), value: text },
      ],
    },
  ],
});

app.command('/order', async ({ command, ack, respond }) => {
  if (command.text === 'in ack') {
    await ack(answer);
    return;
  }
  await ack();
  await respond(card(command.text));
});

app.action('buy', async ({ action, ack, respond }) => {
  await ack();
  await respond({ replace_original: true, text: `Bought ${action.value}` });
});

app.action('edit', async ({ action, ack, body, client }) => {
  await ack();
  await client.views.open({
    trigger_id: body.trigger_id,
    view: {
      type: 'modal',
      callback_id: 'order_form',
      private_metadata: body.channel.id,
      title: plain('Edit the order'),
      submit: plain('Save'),
      blocks: [
        {
          type: 'input',
          block_id: 'what',
          label: plain('What'),
          element: { type: 'plain_text_input', action_id: 'value', initial_value: action.value },
        },
      ],
    },
  });
});

app.view('order_form', async ({ ack, view, client }) => {
  const what = view.state.values.what.value.value;
  if (what === 'tea') {
    await ack({ response_action: 'errors', errors: { what: 'There is no tea.' } });
    return;
  }
  await ack();
  await client.chat.postMessage({ channel: view.private_metadata, text: `Saved ${what}` });
});

app.event('app_home_opened', async ({ event, client }) => {
  await client.views.publish({
    user_id: event.user,
    view: { type: 'home', blocks: [{ type: 'header', text: plain('Your orders') }] },
  });
});

app.error(async (error) => {
  console.error(error);
});

(async () => {
  await app.start();
  console.log('ready');
})();

process.on('SIGTERM', async () => {
  await app.stop();
  process.exit(0);
});
