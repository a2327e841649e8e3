/* The listeners: who is called, who acknowledges, what may be called from inside. */
#include "check.h"

static alitv_client *the_client;
static int finished, init_errors, qrs, paid, errors, cancels, events;
static int refuse_once, destroy_on_paid;

static void on_event(const alitv_event *event, void *user_data) {
  const alitv_event *other;
  CHECK(user_data == &events);
  CHECK(event->kind != 0);
  events++;
  EXPECT(alitv_next_event(the_client, 0, &other), ALITV_E_REENTRANT);
  EXPECT(alitv_dispatch(the_client, 0), ALITV_E_REENTRANT);
  CHECK(alitv_fd(the_client) >= 0);
}

static void on_init_finish(void *user_data) {
  CHECK(user_data == &events);
  finished++;
}

static void on_init_error(alitv_result code, const char *text, void *user_data) {
  (void)user_data;
  CHECK(code == ALITV_E_OFFLINE && *text);
  init_errors++;
}

static void on_qr(const char *order_id, const char *qr_text, uint32_t expires_s,
                  const alitv_event *event, void *user_data) {
  (void)user_data;
  CHECK(*order_id && strncmp(qr_text, "https://qr.alipay.com/", 22) == 0);
  CHECK(expires_s == 300 && event->kind == ALITV_EVENT_QR);
  qrs++;
}

static int on_pay_success(const char *order_id, const char *title, int64_t amount_fen,
                          const alitv_event *event, void *user_data) {
  (void)user_data;
  CHECK(*order_id && *title && amount_fen > 0 && event->state == ALITV_STATE_PAID);
  CHECK(event->result == ALITV_OK);
  paid++;
  if (destroy_on_paid) {
    alitv_destroy(the_client);
    EXPECT(alitv_fd(the_client), ALITV_E_HANDLE);
    CHECK(*event->order_id); /* still valid until the callback returns */
  }
  return refuse_once-- <= 0;
}

static void on_pay_error(alitv_result code, const char *title, int64_t amount_fen,
                         const char *text, const alitv_event *event, void *user_data) {
  (void)user_data;
  CHECK(code != ALITV_OK && *title && amount_fen > 0 && *text && event->result == code);
  errors++;
}

static void on_pay_cancel(const char *title, int64_t amount_fen, const alitv_event *event,
                          void *user_data) {
  (void)user_data;
  CHECK(*title && amount_fen > 0);
  CHECK(event->state == ALITV_STATE_CANCELLED || event->state == ALITV_STATE_EXPIRED);
  cancels++;
}

static alitv_callbacks all(void) {
  alitv_callbacks callbacks;
  ALITV_STRUCT_INIT(&callbacks);
  callbacks.on_event = on_event;
  callbacks.on_init_finish = on_init_finish;
  callbacks.on_init_error = on_init_error;
  callbacks.on_qr = on_qr;
  callbacks.on_pay_success = on_pay_success;
  callbacks.on_pay_error = on_pay_error;
  callbacks.on_pay_cancel = on_pay_cancel;
  return callbacks;
}

#define DISPATCH_UNTIL(condition)                                               \
  while (!(condition)) CHECK(alitv_dispatch(the_client, LONG_MS) >= 0)

/* The table of the engine holds: one FAILED, one REFUNDED, one EXPIRED, one CANCELLED. */
int main(void) {
  alitv_callbacks callbacks = all();
  alitv_pay_params params = gems("A");
  the_client = open_client();
  EXPECT(alitv_set_callbacks(the_client, &callbacks, &events), ALITV_OK);
  DISPATCH_UNTIL(finished == 1 && errors == 2 && cancels == 2);
  CHECK(qrs == 0 && paid == 0 && init_errors == 0);

  refuse_once = 1;
  EXPECT(alitv_pay(the_client, &params, 0, NULL), ALITV_OK);
  DISPATCH_UNTIL(paid == 1);
  CHECK(qrs <= 1);
  /* Not stored, so a new client is told again, and stores. */
  alitv_destroy(the_client);
  the_client = open_client();
  EXPECT(alitv_set_callbacks(the_client, &callbacks, &events), ALITV_OK);
  DISPATCH_UNTIL(paid == 2);
  CHECK(finished == 2);

  params = gems("conflict"); /* exists with another amount */
  EXPECT(alitv_pay(the_client, &params, 0, NULL), ALITV_OK);
  DISPATCH_UNTIL(errors == 3);

  destroy_on_paid = 1;
  params = gems("B");
  EXPECT(alitv_pay(the_client, &params, 0, NULL), ALITV_OK);
  while (paid < 3) CHECK(alitv_dispatch(the_client, LONG_MS) >= 0);
  EXPECT(alitv_dispatch(the_client, 0), ALITV_E_HANDLE);
  CHECK(events > 8);
  return 0;
}
