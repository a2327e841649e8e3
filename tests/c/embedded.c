/* The engine in this process, with the sandbox as its gateway: a payment, a crash before the
 * ack, the same payment again, and the ways to ask for it wrongly. */
#include "check.h"

static alitv_options embedded(void) {
  alitv_options options;
  ALITV_STRUCT_INIT(&options);
  options.mode = ALITV_MODE_EMBEDDED;
  options.environment = ALITV_ENVIRONMENT_SANDBOX;
  options.app_key = getenv("TEST_APP_KEY");
  options.app_secret = getenv("TEST_APP_SECRET");
  options.gateway_url = getenv("TEST_GATEWAY_URL");
  options.journal_dir = getenv("TEST_JOURNAL_DIR");
  return options;
}

static void wrongly(void) {
  alitv_options options;
  alitv_client *client = NULL;
#define WRONG(change, code, word)                                               \
  options = embedded();                                                         \
  change;                                                                       \
  EXPECT(alitv_init(&options, &client), code);                                  \
  CHECK(strstr(alitv_last_error(), word) && client == NULL)
  WRONG(options.app_key = NULL, ALITV_E_NULL, "app_key");
  WRONG(options.app_secret = NULL, ALITV_E_NULL, "app_secret");
  WRONG(options.gateway_url = NULL, ALITV_E_NULL, "gateway_url");
  WRONG(options.journal_dir = NULL, ALITV_E_NULL, "journal_dir");
  WRONG(options.app_secret = "a b", ALITV_E_STRING, "app_secret");
  WRONG(options.socket_path = "/x", ALITV_E_INVALID, "socket_path");
  WRONG(options.config_path = "/x", ALITV_E_INVALID, "app_secret");
  WRONG(options.environment = ALITV_ENVIRONMENT_PRODUCTION, ALITV_E_CONFIG, "http");
  WRONG(options.journal_dir = "/dev/null/x", ALITV_E_STORAGE, "journal");
  ALITV_STRUCT_INIT(&options);
  options.mode = ALITV_MODE_EMBEDDED;
  options.config_path = "/nonexistent/alitv-pay.toml";
  EXPECT(alitv_init(&options, &client), ALITV_E_CONFIG);
}

static alitv_client *open_embedded(uint32_t log_level) {
  alitv_options options = embedded();
  alitv_client *client = NULL;
  options.log_level = log_level;
  EXPECT(alitv_init(&options, &client), ALITV_OK);
  return client;
}

static uint64_t await_paid(alitv_client *client, const char *order_id) {
  const alitv_event *event;
  for (;;) {
    event = await_kind(client, ALITV_EVENT_ORDER);
    CHECK(strcmp(event->order_id, order_id) == 0);
    CHECK(!alitv_state_is_final(event->state) || event->state == ALITV_STATE_PAID);
    if (event->state == ALITV_STATE_PAID) return event->sequence;
  }
}

int main(void) {
  alitv_client *client, *second;
  alitv_options options = embedded();
  alitv_pay_params params = gems("A1");
  const alitv_event *event;
  uint64_t sequence, again;
  wrongly();

  client = open_embedded(ALITV_LOG_DEBUG);
  event = await_kind(client, ALITV_EVENT_LOG);
  CHECK(event->count >= ALITV_LOG_ERROR && *event->message);
  EXPECT(alitv_pay(client, &params, 0, NULL), ALITV_OK);
  event = await_kind(client, ALITV_EVENT_QR);
  CHECK(strcmp(event->environment, "sandbox") == 0 && *event->qr_text);
  sequence = await_paid(client, "A1");

  /* The same journal in the same process: one engine. Another secret is somebody else. */
  second = open_embedded(0);
  CHECK(await_paid(second, "A1") == sequence);
  alitv_destroy(second);
  options.app_secret = "other";
  EXPECT(alitv_init(&options, &second), ALITV_E_CONFLICT);

  /* Not acked, so the next engine tells it again. */
  alitv_destroy(client);
  client = open_embedded(0);
  again = await_paid(client, "A1");
  EXPECT(alitv_ack(client, "A1", again, 0, NULL), ALITV_OK);
  CHECK(await_kind(client, ALITV_EVENT_REPLY)->result == ALITV_OK);
  alitv_destroy(client);

  client = open_embedded(0);
  EXPECT(alitv_orders(client, ALITV_ORDERS_UNACKED, 0, 0, NULL), ALITV_OK);
  CHECK(await_kind(client, ALITV_EVENT_ORDERS)->count == 0);
  EXPECT(alitv_orders(client, ALITV_ORDERS_ALL, 1, 0, NULL), ALITV_OK);
  event = await_kind(client, ALITV_EVENT_ORDERS);
  CHECK(event->count == 1 && event->orders[0]->state == ALITV_STATE_PAID);
  CHECK((event->orders[0]->flags & ALITV_FLAG_ACKED) && event->orders[0]->paid_ms > 0);

  /* Lines of the engine, asked for late. A client that comes is worth one. */
  EXPECT(alitv_log_switch(client, ALITV_LOG_DEBUG), ALITV_OK);
  second = open_embedded(0);
  do event = await_kind(client, ALITV_EVENT_LOG);
  while (!strstr(event->message, "hello from"));
  EXPECT(alitv_log_switch(client, ALITV_LOG_OFF), ALITV_OK);
  alitv_destroy(second);
  alitv_destroy(client);
  return 0;
}
