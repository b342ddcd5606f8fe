// A bot written with DingTalk's official packages for Node, as they come: only their hosts lead to the DingTalk of this machine.
// @alicloud/dingtalk takes its host as an option; dingtalk-stream has it built in, so requests are turned by an axios interceptor.
// It prints what it saw as one JSON object, and ends.

import axios from "axios";
import { DWClient, EventAck, TOPIC_CARD, TOPIC_ROBOT } from "dingtalk-stream";
import openapi from "@alicloud/openapi-client";
import util from "@alicloud/tea-util";
import oauth2 from "@alicloud/dingtalk/oauth2_1_0.js";
import robot from "@alicloud/dingtalk/robot_1_0.js";
import card from "@alicloud/dingtalk/card_1_0.js";
import im from "@alicloud/dingtalk/im_1_0.js";

const { DINGTALK_URL: url, CLIENT_ID: clientId, CLIENT_SECRET: clientSecret, ROBOT_CODE: robotCode } = process.env;
const seen = {};

axios.interceptors.request.use((config) => {
  config.url = config.url.replace(/^https:\/\/(api|oapi)\.dingtalk\.com/, url);
  return config;
});

let heard;
const message = new Promise((resolve) => { heard = resolve; });
let read;
const readEvent = new Promise((resolve) => { read = resolve; });

let press;
const pressed = new Promise((resolve) => { press = resolve; });

const stream = new DWClient({ clientId, clientSecret, keepAlive: true });
stream.registerCallbackListener(TOPIC_ROBOT, (frame) => {
  stream.socketCallBackResponse(frame.headers.messageId, "");
  heard(JSON.parse(frame.data));
});
stream.registerCallbackListener(TOPIC_CARD, (frame) => {
  stream.socketCallBackResponse(frame.headers.messageId, {
    cardUpdateOptions: { updateCardDataByKey: true }, cardData: { cardParamMap: { tips: "✓ Node" } },
  });
  press(JSON.parse(frame.data));
});
stream.registerAllEventListener((frame) => {
  read({ type: frame.headers.eventType, data: JSON.parse(frame.data) });
  return { status: EventAck.SUCCESS };
});
seen.oldToken = await stream.getAccessToken();
await stream.connect();
const said = await message;
seen.said = said.text.content;

const config = new openapi.Config({ protocol: "http", endpoint: new URL(url).host });
const token = await new oauth2.default(config).getAccessToken(new oauth2.GetAccessTokenRequest({ appKey: clientId, appSecret: clientSecret }));
seen.token = token.body.accessToken;
const client = new robot.default(config);
const runtime = new util.RuntimeOptions({});
const headers = (of) => new of({ xAcsDingtalkAccessToken: seen.token });
const group = { openConversationId: said.conversationId, robotCode };

const sent = await client.orgGroupSendWithOptions(
  new robot.OrgGroupSendRequest({ ...group, msgKey: "sampleMarkdown", msgParam: JSON.stringify({ title: "t", text: "**公告** from Node" }) }),
  headers(robot.OrgGroupSendHeaders), runtime);
seen.key = sent.body.processQueryKey;
await axios.post(said.sessionWebhook, { msgtype: "text", text: { content: "done" } });

seen.event = await readEvent;
const readers = await client.orgGroupQueryWithOptions(
  new robot.OrgGroupQueryRequest({ ...group, processQueryKey: seen.key, maxResults: 200 }), headers(robot.OrgGroupQueryHeaders), runtime);
seen.readers = readers.body.readUserIds;
seen.sendStatus = readers.body.sendStatus;

const members = await new im.default(config).batchQueryGroupMemberWithOptions(
  new im.BatchQueryGroupMemberRequest({ openConversationId: said.conversationId, maxResults: 1000 }), headers(im.BatchQueryGroupMemberHeaders), runtime);
seen.members = members.body.memberUserIds;

const direct = await client.batchSendOTOWithOptions(
  new robot.BatchSendOTORequest({ robotCode, userIds: [said.senderStaffId], msgKey: "sampleText", msgParam: JSON.stringify({ content: "hi" }) }),
  headers(robot.BatchSendOTOHeaders), runtime);
seen.direct = direct.body.processQueryKey;

await client.robotSendDingWithOptions(
  new robot.RobotSendDingRequest({ robotCode, remindType: 1, receiverUserIdList: [said.senderStaffId], content: "please read" }),
  headers(robot.RobotSendDingHeaders), runtime);

const cards = new card.default(config);
const made = await cards.createAndDeliverWithOptions(
  new card.CreateAndDeliverRequest({
    cardTemplateId: "1366a1eb-bc54-4859-ac88-517c56a9acb1.schema", outTrackId: "node-1", callbackType: "STREAM",
    cardData: new card.CreateAndDeliverRequestCardData({ cardParamMap: {
      title: "Card", markdown: "**from Node**", tips: "Read 0/2",
      sys_full_json_obj: JSON.stringify({ msgButtons: [{ text: "Got it", color: "blue", id: "confirm", request: true }] }),
    } }),
    openSpaceId: `dtv1.card//IM_GROUP.${said.conversationId}`,
    imGroupOpenSpaceModel: new card.CreateAndDeliverRequestImGroupOpenSpaceModel({
      supportForward: false, lastMessageI18n: { ZH_CN: "卡片", EN_US: "Card" },
      notification: new card.CreateAndDeliverRequestImGroupOpenSpaceModelNotification({ alertContent: "Card", notificationOff: false }),
    }),
    imGroupOpenDeliverModel: new card.CreateAndDeliverRequestImGroupOpenDeliverModel({ robotCode }),
  }), headers(card.CreateAndDeliverHeaders), runtime);
seen.card = { success: made.body.success, ...made.body.result.deliverResults[0] };
const updated = await cards.updateCardWithOptions(
  new card.UpdateCardRequest({
    outTrackId: "node-1", cardData: new card.UpdateCardRequestCardData({ cardParamMap: { tips: "Read 1/2" } }),
    cardUpdateOptions: new card.UpdateCardRequestCardUpdateOptions({ updateCardDataByKey: true }),
  }), headers(card.UpdateCardHeaders), runtime);
seen.updated = updated.body.success && updated.body.result;
const { userId, outTrackId, content } = await pressed;
seen.pressed = { userId, outTrackId, content };

const recalled = await client.orgGroupRecallWithOptions(
  new robot.OrgGroupRecallRequest({ ...group, processQueryKeys: [seen.key] }), headers(robot.OrgGroupRecallHeaders), runtime);
seen.recalled = recalled.body.successResult;

try {
  await client.orgGroupQueryWithOptions(new robot.OrgGroupQueryRequest({ ...group, processQueryKey: seen.key, maxResults: 200 }),
    new robot.OrgGroupQueryHeaders({ xAcsDingtalkAccessToken: "wrong" }), runtime);
} catch (e) {
  seen.error = { code: e.code, status: e.data?.statusCode };
}

stream.disconnect();
console.log("SEEN " + JSON.stringify(seen));
