/* A payment by alitv_next_event: ids, ops, the list of orders, the raw request. */
#include "check.h"

static void pay_and_ack(alitv_client *client) {
  char id[ALITV_ORDER_ID_SIZE] = "";
  const alitv_event *event;
  alitv_op op = 0, ack = 0;
  uint64_t sequence;
  alitv_pay_params params = gems(NULL);
  params.subject_id = "gems-60";
  params.order_id_out = id;
  EXPECT(alitv_pay(client, &params, 77, &op), ALITV_OK);
  CHECK(op != 0 && strlen(id) > 20);
  event = await_kind(client, ALITV_EVENT_ORDER);
  CHECK(event->op == op && event->tag == 77 && strcmp(event->order_id, id) == 0);
  CHECK(event->amount_fen == 600 && strcmp(event->title, "60 gems") == 0);
  CHECK(strcmp(event->environment, "sandbox") == 0 && strcmp(event->app_key, "23012345") == 0);
  CHECK(strcmp(event->subject_id, "gems-60") == 0);
  CHECK(event->json[0] == 0 && event->orders == NULL && event->gateway_code[0] == 0);
  while (event->state != ALITV_STATE_PAID) event = await_kind(client, ALITV_EVENT_ORDER);
  CHECK(strcmp(event->state_name, "paid") == 0 && event->paid_ms == 99);
  CHECK(strcmp(event->trade_no, "2016") == 0 && alitv_state_is_final(event->state));
  sequence = event->sequence;
  EXPECT(alitv_ack(client, id, sequence, 5, &ack), ALITV_OK);
  event = await_kind(client, ALITV_EVENT_REPLY);
  CHECK(event->op == ack && event->tag == 5 && event->result == ALITV_OK);
  EXPECT(alitv_query(client, id, 6, &op), ALITV_OK);
  event = await_kind(client, ALITV_EVENT_ORDER);
  CHECK(event->op == op && (event->flags & ALITV_FLAG_ACKED));
}

static void list(alitv_client *client) {
  const alitv_event *event;
  alitv_op op;
  EXPECT(alitv_orders(client, ALITV_ORDERS_UNFINISHED, 0, 0, &op), ALITV_OK);
  event = await_kind(client, ALITV_EVENT_ORDERS);
  CHECK(event->op == op && event->count == 1 && !(event->flags & ALITV_FLAG_MORE));
  CHECK(strcmp(event->orders[0]->order_id, "left") == 0);
  CHECK(event->orders[0]->state == ALITV_STATE_CREATED && event->orders[0]->amount_fen == 1);
  CHECK(strcmp(event->orders[0]->state_name, "created") == 0);
  CHECK(strcmp(event->orders[0]->environment, "sandbox") == 0);
}

static void raw(alitv_client *client) {
  const alitv_event *event;
  EXPECT(alitv_request(client, "status", "{\n}", 9, NULL), ALITV_OK);
  event = await_kind(client, ALITV_EVENT_REPLY);
  CHECK(event->tag == 9 && event->result == ALITV_OK && strstr(event->json, "fake/1"));
  EXPECT(alitv_request(client, "gift.list", NULL, 0, NULL), ALITV_OK);
  event = await_kind(client, ALITV_EVENT_REPLY);
  CHECK(event->result == ALITV_E_INVALID && strstr(event->json, "-32601"));
}

static void refused(alitv_client *client) {
  const alitv_event *event;
  alitv_op op;
  alitv_pay_params params = gems("left"); /* exists with 1 fen */
  EXPECT(alitv_pay(client, &params, 3, &op), ALITV_OK);
  event = await_kind(client, ALITV_EVENT_REPLY);
  CHECK(event->op == op && event->tag == 3 && event->result == ALITV_E_CONFLICT);
  CHECK(strcmp(event->order_id, "left") == 0 && event->amount_fen == 600);
  CHECK(event->message[0] != 0);
}

static void readable(alitv_client *client) {
  struct pollfd entry;
  const alitv_event *event;
  entry.fd = alitv_fd(client);
  entry.events = POLLIN;
  while (alitv_next_event(client, 0, &event) == 1) continue;
  CHECK(poll(&entry, 1, 0) == 0);
  EXPECT(alitv_request(client, "status", NULL, 0, NULL), ALITV_OK);
  EXPECT(alitv_request(client, "status", NULL, 0, NULL), ALITV_OK);
  CHECK(poll(&entry, 1, LONG_MS) == 1);
  while (alitv_next_event(client, LONG_MS, &event) != 1) continue;
  /* The second answer is either in the queue or still in the socket. */
  CHECK(poll(&entry, 1, LONG_MS) == 1);
  CHECK(alitv_next_event(client, LONG_MS, &event) == 1);
  CHECK(alitv_next_event(client, 0, &event) == 0);
}

int main(void) {
  alitv_client *client = open_client();
  await_kind(client, ALITV_EVENT_ONLINE);
  list(client);
  pay_and_ack(client);
  raw(client);
  refused(client);
  readable(client);
  alitv_destroy(client);
  return 0;
}
