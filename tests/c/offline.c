/* No daemon: on_init_error says so, and nothing else happens. */
#include "check.h"

static int errors;

static void on_init_error(alitv_result code, const char *text, void *user_data) {
  CHECK(user_data == NULL && code == ALITV_E_OFFLINE && strstr(text, "nonexistent"));
  errors++;
}

/* Before ONLINE: what is known at once says so, everything else is queued. */
static void typed_calls(alitv_client *client) {
  static const int64_t price = 600;
  alitv_repay_params repay;
  alitv_web_params page;
  alitv_draw_params draw;
  alitv_pay_params pay = gems("P");
  char buffer[ALITV_QR_URL_SIZE];
  alitv_op op = 0, last = 0;
  ALITV_STRUCT_INIT(&repay);
  repay.interval = ALITV_INTERVAL_SEASON;
  repay.prices_fen = &price;
  repay.prices_len = 1;
  repay.title = repay.subject = "pass";
  repay.notify_url = pay.notify_url = "https://merchant.example/notify";
  ALITV_STRUCT_INIT(&page);
  page.kind = ALITV_WEB_START;
  ALITV_STRUCT_INIT(&draw);
  draw.event_key = "wheel";
#define QUEUED(call, code)                                                      \
  EXPECT(call, code);                                                           \
  CHECK(op > last);                                                             \
  last = op
  EXPECT(alitv_is_auth(client), 0);
  QUEUED(alitv_auth(client, 0, 0, &op), 0);
  QUEUED(alitv_auth_cancel(client, 0, &op), ALITV_OK);
  QUEUED(alitv_logout(client, 0, &op), ALITV_OK);
  QUEUED(alitv_user_info(client, 0, &op), ALITV_OK);
  QUEUED(alitv_pay_from_server(client, &pay, 0, &op), ALITV_OK);
  EXPECT(alitv_repay(client, &repay, 0, &op), ALITV_E_ON_SCREEN);
  QUEUED(alitv_cancel(client, "P", 0, &op), ALITV_OK);
  QUEUED(alitv_repay(client, &repay, 0, &op), ALITV_OK);
  EXPECT(alitv_web_open(client, &page, 0, &op), ALITV_E_NOT_READY);
  QUEUED(alitv_web_closed(client, "w1", 0, &op), ALITV_OK);
  QUEUED(alitv_lottery_activities(client, NULL, 0, &op), ALITV_OK);
  QUEUED(alitv_lottery_draw(client, &draw, 0, &op), ALITV_OK);
  QUEUED(alitv_gift_list(client, 0, &op), ALITV_OK);
  QUEUED(alitv_gift_take(client, 1, 0, &op), ALITV_OK);
  EXPECT(alitv_get_qr_url(client, buffer, sizeof buffer), ALITV_E_NOT_READY);
}

static void log_lines(alitv_client *client) {
  const alitv_event *event;
  EXPECT(alitv_log_switch(client, ALITV_LOG_DEBUG), ALITV_OK);
  event = await_kind(client, ALITV_EVENT_LOG); /* the next try to connect */
  CHECK(event->count >= ALITV_LOG_ERROR && event->count <= ALITV_LOG_DEBUG && *event->message);
  EXPECT(alitv_log_switch(client, ALITV_LOG_OFF), ALITV_OK);
  while (alitv_next_event(client, 0, &event) == 1) continue;
  CHECK(alitv_next_event(client, 1500, &event) == 0);
}

int main(void) {
  alitv_callbacks callbacks;
  alitv_pay_params params = gems("A");
  alitv_options options;
  alitv_client *client = NULL;
  int i;
  ALITV_STRUCT_INIT(&options);
  options.socket_path = "/nonexistent/alitv.sock";
  EXPECT(alitv_init(&options, &client), ALITV_OK);
  ALITV_STRUCT_INIT(&callbacks);
  callbacks.on_init_error = on_init_error;
  EXPECT(alitv_set_callbacks(client, &callbacks, NULL), ALITV_OK);
  EXPECT(alitv_pay(client, &params, 0, NULL), ALITV_OK);
  for (i = 0; i < 200; i++) CHECK(alitv_dispatch(client, 5) >= 0);
  CHECK(errors == 1);
  for (i = 0; i < 63; i++) EXPECT(alitv_request(client, "status", NULL, 0, NULL), ALITV_OK);
  EXPECT(alitv_request(client, "status", NULL, 0, NULL), ALITV_E_LIMIT);
  alitv_destroy(client);
  EXPECT(alitv_init(&options, &client), ALITV_OK);
  typed_calls(client);
  log_lines(client);
  alitv_destroy(client);
  return 0;
}
