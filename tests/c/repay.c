/* Subscriptions and payments of a server: what goes out, what comes with the payment. */
#include "steps.h"

static alitv_client *client;
static int paid, errors;

static int on_pay_success(const char *order_id, const char *title, int64_t amount_fen,
                          const alitv_event *event, void *user_data) {
  (void)user_data;
  CHECK(same(order_id, "S1") && same(title, "monthly pass") && amount_fen == 600);
  CHECK(event->interval == ALITV_INTERVAL_MONTH && same(event->interval_name, "month"));
  CHECK(event->awards_count == 1 && !event->awards[1]);
  CHECK(same(event->awards[0]->name, "10 points") && event->awards[0]->amount == 10);
  paid++;
  return 1;
}

static void on_pay_error(alitv_result code, const char *title, int64_t amount_fen,
                         const char *text, const alitv_event *event, void *user_data) {
  (void)user_data;
  CHECK(code == ALITV_E_CONFLICT && same(title, "monthly pass") && amount_fen == 600);
  CHECK(*text && same(event->order_id, "S1") && event->kind == ALITV_EVENT_REPLY);
  CHECK(event->awards_count == 0 && same(event->interval_name, ""));
  errors++;
}

static alitv_repay_params plan(void) {
  static const int64_t prices[] = {600, 500, 400};
  alitv_repay_params params;
  ALITV_STRUCT_INIT(&params);
  params.interval = ALITV_INTERVAL_MONTH;
  params.prices_fen = prices;
  params.prices_len = 3;
  params.order_id = "S1";
  params.title = "monthly pass";
  params.subject = "pass";
  params.description = "no adverts";
  params.subject_id = "vip_month";
  params.notify_url = "https://merchant.example/notify";
  params.expires_s = 60;
  return params;
}

int main(void) {
  alitv_callbacks callbacks;
  alitv_repay_params params = plan();
  alitv_pay_params other;
  char id[ALITV_ORDER_ID_SIZE] = "";
  alitv_op op = 0;
  client = open_client();
  ALITV_STRUCT_INIT(&callbacks);
  callbacks.on_pay_success = on_pay_success;
  callbacks.on_pay_error = on_pay_error;
  EXPECT(alitv_set_callbacks(client, &callbacks, NULL), ALITV_OK);
  params.order_id_out = id;
  EXPECT(alitv_repay(client, &params, 0, &op), ALITV_OK);
  CHECK(op != 0 && same(id, "S1"));
  other = gems("P1");
  other.notify_url = "https://merchant.example/notify";
  EXPECT(alitv_pay_from_server(client, &other, 0, NULL), ALITV_E_ON_SCREEN);
  DISPATCH_UNTIL(client, paid == 1);
  EXPECT(alitv_pay_from_server(client, &other, 0, NULL), ALITV_OK);
  EXPECT(alitv_cancel(client, "P1", 0, NULL), ALITV_OK);
  step(); /* refuses subscriptions */
  settle(client);
  params.order_id_out = NULL;
  EXPECT(alitv_repay(client, &params, 0, NULL), ALITV_OK);
  DISPATCH_UNTIL(client, errors == 1);
  CHECK(paid == 1);
  alitv_destroy(client);
  return 0;
}
