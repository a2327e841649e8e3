/* Pages: on_web_close comes exactly once for each page that was promised. */
#include "steps.h"

static alitv_client *client;
static int profiles, opened, closed, others;
static alitv_result why;
static char web_id[65];

static void on_event(const alitv_event *event, void *user_data) {
  (void)user_data;
  if (event->kind == ALITV_EVENT_WEB && same(event->web->web_id, "x1")) others++;
  if (event->kind != ALITV_EVENT_PROFILE) {
    CHECK(!event->profile);
    return;
  }
  CHECK(event->profile->renewal == 1 && same(event->profile->qr_url, "https://h/goods"));
  CHECK(event->profile->pages == (1u << ALITV_WEB_START | 1u << ALITV_WEB_CUSTOM));
  profiles++;
}

static void on_web_open(const char *url, const alitv_event *event, void *user_data) {
  (void)user_data;
  CHECK(same(url, "https://h/p?level=3") && event->web->url == url && event->web->open == 1);
  CHECK(event->web->kind == ALITV_WEB_CUSTOM && same(event->web->app_key, "23012345"));
  snprintf(web_id, sizeof web_id, "%s", event->web->web_id);
  opened++;
}

static void on_web_close(const alitv_event *event, void *user_data) {
  (void)user_data;
  CHECK(!event->web || event->web->open == 0);
  why = event->result;
  closed++;
}

static int32_t open_page(uint32_t kind, alitv_op *op) {
  static const char *const keys[] = {"level"}, *const values[] = {"3"};
  alitv_web_params params;
  ALITV_STRUCT_INIT(&params);
  params.kind = kind;
  params.timeout_s = 60;
  params.keys = keys;
  params.values = values;
  params.params_len = 1;
  return alitv_web_open(client, &params, 3, op);
}

static void goods(void) {
  char buffer[ALITV_QR_URL_SIZE];
  EXPECT(alitv_get_qr_url(client, buffer, 15), ALITV_E_BUFFER);
  CHECK(strstr(alitv_last_error(), "16 are needed"));
  EXPECT(alitv_get_qr_url(client, buffer, 16), ALITV_OK);
  CHECK(same(buffer, "https://h/goods"));
}

int main(void) {
  alitv_callbacks callbacks;
  alitv_op op = 0;
  client = open_client();
  ALITV_STRUCT_INIT(&callbacks);
  callbacks.on_event = on_event;
  callbacks.on_web_open = on_web_open;
  callbacks.on_web_close = on_web_close;
  EXPECT(alitv_set_callbacks(client, &callbacks, NULL), ALITV_OK);
  EXPECT(open_page(ALITV_WEB_CUSTOM, &op), ALITV_E_NOT_READY);
  step(); /* the profile */
  DISPATCH_UNTIL(client, profiles == 1);
  goods();

  op = 9;
  EXPECT(open_page(ALITV_WEB_EXIT, &op), 0); /* there is none */
  CHECK(op == 0);
  EXPECT(open_page(ALITV_WEB_CUSTOM, &op), 1);
  CHECK(op != 0);
  DISPATCH_UNTIL(client, opened == 1);
  CHECK(same(web_id, "w1"));
  EXPECT(alitv_web_closed(client, web_id, 0, NULL), ALITV_OK);
  step(); /* closed; the next one is refused */
  DISPATCH_UNTIL(client, closed == 1);
  CHECK(why == ALITV_OK);

  EXPECT(open_page(ALITV_WEB_CUSTOM, &op), 1);
  DISPATCH_UNTIL(client, closed == 2);
  CHECK(why == ALITV_E_STATE);
  step(); /* taken back; the page is forgotten by the host */
  EXPECT(open_page(ALITV_WEB_CUSTOM, &op), 1);
  DISPATCH_UNTIL(client, opened == 2);
  step(); /* closed by time */
  DISPATCH_UNTIL(client, closed == 3);
  CHECK(why == ALITV_E_TIMEOUT);
  step(); /* somebody else's page opens: an event, and no callback */
  DISPATCH_UNTIL(client, others == 1);
  step(); /* and closes */
  DISPATCH_UNTIL(client, others == 2);
  settle(client);
  CHECK(opened == 2 && closed == 3);
  alitv_destroy(client);
  return 0;
}
