/* Everything a caller can do wrong is a code with a sentence, never a crash. */
#include "check.h"

static char too_long[70000];

static void nothing(const alitv_event *event, void *user_data) {
  (void)event, (void)user_data;
}

static void null_everywhere(alitv_client *client) {
  alitv_options options;
  alitv_pay_params params = gems("A");
  const alitv_event *event = NULL;
  alitv_client *other = NULL;
  uint8_t modules[441];
  uint32_t side = 0;
  ALITV_STRUCT_INIT(&options);
  EXPECT(alitv_init(NULL, &other), ALITV_E_NULL);
  EXPECT(alitv_init(&options, NULL), ALITV_E_NULL);
  alitv_destroy(NULL);
  EXPECT(alitv_next_event(NULL, 0, &event), ALITV_E_NULL);
  EXPECT(alitv_next_event(client, 0, NULL), ALITV_E_NULL);
  EXPECT(alitv_set_callbacks(NULL, NULL, NULL), ALITV_E_NULL);
  EXPECT(alitv_dispatch(NULL, 0), ALITV_E_NULL);
  EXPECT(alitv_dispatch(client, 0), ALITV_E_NULL);
  CHECK(strstr(alitv_last_error(), "alitv_set_callbacks"));
  EXPECT(alitv_fd(NULL), ALITV_E_NULL);
  EXPECT(alitv_interrupt(NULL), ALITV_E_NULL);
  EXPECT(alitv_set_wakeup(NULL, NULL, NULL), ALITV_E_NULL);
  EXPECT(alitv_pay(NULL, &params, 0, NULL), ALITV_E_NULL);
  EXPECT(alitv_pay(client, NULL, 0, NULL), ALITV_E_NULL);
  EXPECT(alitv_cancel(NULL, "A", 0, NULL), ALITV_E_NULL);
  EXPECT(alitv_cancel(client, NULL, 0, NULL), ALITV_E_NULL);
  EXPECT(alitv_query(NULL, "A", 0, NULL), ALITV_E_NULL);
  EXPECT(alitv_query(client, NULL, 0, NULL), ALITV_E_NULL);
  EXPECT(alitv_ack(NULL, "A", 1, 0, NULL), ALITV_E_NULL);
  EXPECT(alitv_ack(client, NULL, 1, 0, NULL), ALITV_E_NULL);
  EXPECT(alitv_orders(NULL, 0, 0, 0, NULL), ALITV_E_NULL);
  EXPECT(alitv_request(NULL, "status", NULL, 0, NULL), ALITV_E_NULL);
  EXPECT(alitv_request(client, NULL, NULL, 0, NULL), ALITV_E_NULL);
  EXPECT(alitv_qr_encode(NULL, modules, sizeof modules, &side), ALITV_E_NULL);
  EXPECT(alitv_qr_encode("x", NULL, 1, &side), ALITV_E_NULL);
  params.title = NULL;
  EXPECT(alitv_pay(client, &params, 0, NULL), ALITV_E_NULL);
  CHECK(strstr(alitv_last_error(), "title"));
  CHECK(event == NULL && other == NULL);
}

static void bad_strings(alitv_client *client) {
  alitv_pay_params params = gems("A");
  memset(too_long, 'x', sizeof too_long - 1);
  params.title = "\xff";
  EXPECT(alitv_pay(client, &params, 0, NULL), ALITV_E_STRING);
  CHECK(strstr(alitv_last_error(), "title is not UTF-8 at byte 0"));
  params.title = "";
  EXPECT(alitv_pay(client, &params, 0, NULL), ALITV_E_STRING);
  too_long[129] = 0; /* one character over the limit */
  params.title = too_long;
  EXPECT(alitv_pay(client, &params, 0, NULL), ALITV_E_STRING);
  CHECK(strstr(alitv_last_error(), "128"));
  too_long[129] = 'x';
  params.title = "60 gems";
  too_long[65] = 0;
  params.subject_id = too_long;
  EXPECT(alitv_pay(client, &params, 0, NULL), ALITV_E_STRING);
  params.subject_id = NULL;
  params.order_id = too_long;
  EXPECT(alitv_pay(client, &params, 0, NULL), ALITV_E_STRING);
  EXPECT(alitv_cancel(client, too_long, 0, NULL), ALITV_E_STRING);
  EXPECT(alitv_request(client, too_long, NULL, 0, NULL), ALITV_E_STRING);
  too_long[65] = 'x';
  params.order_id = "a b";
  EXPECT(alitv_pay(client, &params, 0, NULL), ALITV_E_INVALID);
  params.order_id = "";
  EXPECT(alitv_pay(client, &params, 0, NULL), ALITV_E_INVALID);
  params.order_id = "A";
  too_long[1025] = 0;
  memcpy(too_long, "http://h/", 9);
  params.notify_url = too_long;
  EXPECT(alitv_pay(client, &params, 0, NULL), ALITV_E_STRING);
  too_long[1025] = 'x';
  EXPECT(alitv_request(client, "", NULL, 0, NULL), ALITV_E_STRING);
  EXPECT(alitv_request(client, "status", "{", 0, NULL), ALITV_E_INVALID);
  EXPECT(alitv_request(client, "status", "[]", 0, NULL), ALITV_E_INVALID);
  EXPECT(alitv_request(client, "status", too_long, 0, NULL), ALITV_E_STRING);
  EXPECT(alitv_request(client, "watch", NULL, 0, NULL), ALITV_E_INVALID);
}

static void bad_numbers(alitv_client *client) {
  static const int64_t amounts[] = {0, -1, 100000000, INT64_MIN, INT64_MAX};
  size_t i;
  char id[ALITV_ORDER_ID_SIZE] = "untouched";
  alitv_pay_params params = gems("A");
  for (i = 0; i < sizeof amounts / sizeof *amounts; i++) {
    params.amount_fen = amounts[i];
    EXPECT(alitv_pay(client, &params, 0, NULL), ALITV_E_INVALID);
    CHECK(strstr(alitv_last_error(), "amount_fen"));
  }
  params.amount_fen = 600;
  params.expires_s = 29;
  EXPECT(alitv_pay(client, &params, 0, NULL), ALITV_E_INVALID);
  params.expires_s = 7201;
  EXPECT(alitv_pay(client, &params, 0, NULL), ALITV_E_INVALID);
  params.expires_s = 0;
  params.order_id_out = id;
  params.order_id_out_size = ALITV_ORDER_ID_SIZE - 1;
  EXPECT(alitv_pay(client, &params, 0, NULL), ALITV_E_BUFFER);
  CHECK(strcmp(id, "untouched") == 0);
  EXPECT(alitv_orders(client, 4, 0, 0, NULL), ALITV_E_INVALID);
  EXPECT(alitv_orders(client, 0, 101, 0, NULL), ALITV_E_INVALID);
}

static void bad_structs(alitv_client *client) {
  static const uint32_t sizes[] = {0, 4, sizeof(alitv_pay_params) - 1, 4097, UINT32_MAX};
  struct {
    alitv_pay_params params;
    char newer[64];
  } wide;
  alitv_callbacks callbacks;
  alitv_options options;
  alitv_client *other = NULL;
  size_t i;
  memset(&wide, 0, sizeof wide);
  wide.params = gems("A");
  for (i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    wide.params.struct_size = sizes[i];
    EXPECT(alitv_pay(client, &wide.params, 0, NULL), ALITV_E_ABI);
  }
  wide.params.struct_size = (uint32_t)sizeof wide;
  wide.newer[63] = 1;
  EXPECT(alitv_pay(client, &wide.params, 0, NULL), ALITV_E_ABI);
  wide.params.amount_fen = 0; /* read beyond the size this library knows, and refused */
  wide.newer[63] = 0;
  EXPECT(alitv_pay(client, &wide.params, 0, NULL), ALITV_E_INVALID);
  memset(&callbacks, 0, sizeof callbacks);
  EXPECT(alitv_set_callbacks(client, &callbacks, NULL), ALITV_E_ABI);
  ALITV_STRUCT_INIT(&callbacks);
  callbacks.reserved = 1;
  EXPECT(alitv_set_callbacks(client, &callbacks, NULL), ALITV_E_ABI);
  callbacks.reserved = 0;
  callbacks.on_event = nothing;
  EXPECT(alitv_set_callbacks(client, &callbacks, NULL), ALITV_OK);
  /* The table of the first release, with something else behind it. */
  memset((char *)&callbacks + offsetof(alitv_callbacks, on_auth_qr), 0x5a,
         sizeof callbacks - offsetof(alitv_callbacks, on_auth_qr));
  callbacks.struct_size = offsetof(alitv_callbacks, on_auth_qr);
  EXPECT(alitv_set_callbacks(client, &callbacks, NULL), ALITV_OK);
  callbacks.struct_size--;
  EXPECT(alitv_set_callbacks(client, &callbacks, NULL), ALITV_E_ABI);
  EXPECT(alitv_set_callbacks(client, NULL, NULL), ALITV_OK);
  memset(&options, 0, sizeof options);
  EXPECT(alitv_init(&options, &other), ALITV_E_ABI);
#define BAD_OPTION(field, value, code)                                          \
  ALITV_STRUCT_INIT(&options);                                                  \
  options.field = (value);                                                      \
  EXPECT(alitv_init(&options, &other), code);                                   \
  CHECK(strstr(alitv_last_error(), #field))
  BAD_OPTION(mode, 2, ALITV_E_INVALID);
  BAD_OPTION(environment, 2, ALITV_E_INVALID);
  BAD_OPTION(environment, ALITV_ENVIRONMENT_SANDBOX, ALITV_E_INVALID);
  BAD_OPTION(multiple, 2, ALITV_E_INVALID);
  BAD_OPTION(log_level, 5, ALITV_E_INVALID);
  BAD_OPTION(events_max, 4097, ALITV_E_INVALID);
  BAD_OPTION(app_key, "a b", ALITV_E_INVALID);
  BAD_OPTION(app_key, "", ALITV_E_INVALID);
  BAD_OPTION(app_secret, "s", ALITV_E_INVALID);
  BAD_OPTION(config_path, "/x", ALITV_E_INVALID);
  BAD_OPTION(gateway_url, "http://x/", ALITV_E_INVALID);
  BAD_OPTION(journal_dir, "/x", ALITV_E_INVALID);
  BAD_OPTION(socket_path, "\xff", ALITV_E_STRING);
  CHECK(other == NULL);
}

static alitv_repay_params plan(void) {
  static const int64_t prices[13] = {600, 600, 600, 600, 600, 600, 600,
                                     600, 600, 600, 600, 600, 600};
  alitv_repay_params params;
  ALITV_STRUCT_INIT(&params);
  params.interval = ALITV_INTERVAL_MONTH;
  params.prices_fen = prices;
  params.prices_len = 12;
  params.title = "monthly pass";
  params.subject = "monthly pass";
  params.notify_url = "https://merchant.example/notify";
  return params;
}

/* Each row spoils one thing and says what the sentence has to name. */
#define BAD(begin, call, change, code, word)                                    \
  begin;                                                                        \
  change;                                                                       \
  EXPECT(call, code);                                                           \
  CHECK(strstr(alitv_last_error(), word))

static void bad_payments(alitv_client *client) {
  char id[ALITV_ORDER_ID_SIZE] = "untouched";
  const int64_t prices[] = {600, 0};
  alitv_repay_params params = plan();
  alitv_pay_params pay = gems("A");
#define REPAY(change, code, word) \
  BAD(params = plan(), alitv_repay(client, &params, 0, NULL), change, code, word)
  EXPECT(alitv_repay(NULL, &params, 0, NULL), ALITV_E_NULL);
  EXPECT(alitv_repay(client, NULL, 0, NULL), ALITV_E_NULL);
  REPAY(params.struct_size = 4, ALITV_E_ABI, "struct_size");
  REPAY(params.interval = 0, ALITV_E_INVALID, "interval");
  REPAY(params.interval = 3, ALITV_E_INVALID, "interval");
  REPAY(params.prices_len = 0, ALITV_E_INVALID, "prices_len is 0: allowed are 1 to 12");
  REPAY(params.prices_len = 13, ALITV_E_INVALID, "prices_len is 13: allowed are 1 to 12");
  REPAY(params.interval = ALITV_INTERVAL_SEASON, ALITV_E_INVALID, "1 to 4 by season");
  REPAY(params.prices_len = UINT32_MAX, ALITV_E_INVALID, "prices_len");
  REPAY(params.prices_fen = NULL, ALITV_E_NULL, "prices_fen");
  REPAY((params.prices_fen = prices, params.prices_len = 2), ALITV_E_INVALID, "prices_fen[1]");
  REPAY(params.title = NULL, ALITV_E_NULL, "title");
  REPAY(params.title = too_long, ALITV_E_STRING, "title");
  REPAY(params.subject = NULL, ALITV_E_NULL, "subject");
  REPAY(params.subject = "", ALITV_E_STRING, "subject");
  REPAY(params.description = too_long, ALITV_E_STRING, "description");
  REPAY(params.notify_url = NULL, ALITV_E_NULL, "notify_url");
  REPAY(params.notify_url = "ftp://x/", ALITV_E_STRING, "notify_url");
  REPAY(params.expires_s = 29, ALITV_E_INVALID, "expires_s");
  REPAY(params.order_id = "draw-1", ALITV_E_INVALID, "reserved");
  REPAY((params.order_id_out = id, params.order_id_out_size = 64), ALITV_E_BUFFER,
        "order_id_out_size");
#define SERVER(change, code, word)                                               \
  BAD(pay = gems("A"); pay.notify_url = "https://merchant.example/n",           \
      alitv_pay_from_server(client, &pay, 0, NULL), change, code, word)
  EXPECT(alitv_pay_from_server(NULL, &pay, 0, NULL), ALITV_E_NULL);
  EXPECT(alitv_pay_from_server(client, NULL, 0, NULL), ALITV_E_NULL);
  SERVER(pay.order_id = NULL, ALITV_E_NULL, "order_id");
  SERVER(pay.notify_url = NULL, ALITV_E_NULL, "notify_url");
  SERVER(pay.notify_url = "", ALITV_E_STRING, "notify_url");
  SERVER(pay.title = too_long, ALITV_E_STRING, "title"); /* 10,000 characters and more */
  SERVER(pay.order_id = "gift-1", ALITV_E_INVALID, "reserved");
  CHECK(strcmp(id, "untouched") == 0);
}

static void bad_accounts(alitv_client *client) {
  alitv_op op = 7;
  EXPECT(alitv_is_auth(NULL), ALITV_E_NULL);
  EXPECT(alitv_auth(NULL, 0, 0, &op), ALITV_E_NULL);
  EXPECT(alitv_auth(client, 2, 0, &op), ALITV_E_INVALID);
  CHECK(strstr(alitv_last_error(), "flags is 2"));
  EXPECT(alitv_auth_cancel(NULL, 0, &op), ALITV_E_NULL);
  EXPECT(alitv_logout(NULL, 0, &op), ALITV_E_NULL);
  EXPECT(alitv_user_info(NULL, 0, &op), ALITV_E_NULL);
  EXPECT(alitv_log_switch(NULL, ALITV_LOG_INFO), ALITV_E_NULL);
  EXPECT(alitv_log_switch(client, 5), ALITV_E_INVALID);
  CHECK(strstr(alitv_last_error(), "level is 5"));
  CHECK(op == 7);
}

static void bad_pages(alitv_client *client) {
  static const char *const keys[] = {"a", "b"}, *const twice[] = {"a", "a"};
  static const char *const values[] = {"1", NULL}, *const empty[] = {"a", ""};
  const char *longer[2];
  alitv_web_params params;
  char buffer[ALITV_QR_URL_SIZE];
  longer[0] = too_long, longer[1] = "b";
#define PAGE(change, code, word)                                                 \
  BAD((ALITV_STRUCT_INIT(&params), params.kind = ALITV_WEB_START),              \
      alitv_web_open(client, &params, 0, NULL), change, code, word)
  ALITV_STRUCT_INIT(&params);
  EXPECT(alitv_web_open(NULL, &params, 0, NULL), ALITV_E_NULL);
  EXPECT(alitv_web_open(client, NULL, 0, NULL), ALITV_E_NULL);
  PAGE(params.struct_size = 8, ALITV_E_ABI, "struct_size");
  PAGE(params.kind = 0, ALITV_E_INVALID, "kind is 0");
  PAGE(params.kind = 4, ALITV_E_INVALID, "kind is 4");
  PAGE(params.timeout_s = 9, ALITV_E_INVALID, "timeout_s is 9: allowed are 10 to 7200");
  PAGE(params.timeout_s = 7201, ALITV_E_INVALID, "timeout_s");
  PAGE(params.params_len = 33, ALITV_E_INVALID, "params_len is 33: allowed are 0 to 32");
  PAGE(params.params_len = 1, ALITV_E_NULL, "keys is NULL");
  PAGE((params.keys = keys, params.params_len = 2), ALITV_E_NULL, "values is NULL");
  PAGE((params.keys = keys, params.values = values, params.params_len = 2), ALITV_E_NULL,
       "values[1] is NULL");
  PAGE((params.keys = twice, params.values = keys, params.params_len = 2), ALITV_E_INVALID,
       "keys[1] is there twice");
  PAGE((params.keys = empty, params.values = keys, params.params_len = 2), ALITV_E_STRING,
       "keys[1] is empty");
  PAGE((params.keys = longer, params.values = keys, params.params_len = 2), ALITV_E_STRING,
       "keys[0] is longer than 64 bytes");
  PAGE((params.keys = keys, params.values = longer, params.params_len = 2), ALITV_E_STRING,
       "values[0] is longer than 512 bytes");
  EXPECT(alitv_web_closed(NULL, "w", 0, NULL), ALITV_E_NULL);
  EXPECT(alitv_web_closed(client, NULL, 0, NULL), ALITV_E_NULL);
  EXPECT(alitv_web_closed(client, "", 0, NULL), ALITV_E_STRING);
  EXPECT(alitv_web_closed(client, too_long, 0, NULL), ALITV_E_STRING);
  EXPECT(alitv_get_qr_url(NULL, buffer, sizeof buffer), ALITV_E_NULL);
  EXPECT(alitv_get_qr_url(client, NULL, sizeof buffer), ALITV_E_NULL);
}

static void bad_awards(alitv_client *client) {
  char id[ALITV_ORDER_ID_SIZE] = "untouched";
  alitv_draw_params params;
#define DRAW(change, code, word)                                                 \
  BAD((ALITV_STRUCT_INIT(&params), params.event_key = "wheel"),                 \
      alitv_lottery_draw(client, &params, 0, NULL), change, code, word)
  ALITV_STRUCT_INIT(&params);
  EXPECT(alitv_lottery_activities(NULL, NULL, 0, NULL), ALITV_E_NULL);
  EXPECT(alitv_lottery_activities(client, too_long, 0, NULL), ALITV_E_STRING);
  CHECK(strstr(alitv_last_error(), "event_key"));
  EXPECT(alitv_lottery_activities(client, "a b", 0, NULL), ALITV_E_INVALID);
  EXPECT(alitv_lottery_draw(NULL, &params, 0, NULL), ALITV_E_NULL);
  EXPECT(alitv_lottery_draw(client, NULL, 0, NULL), ALITV_E_NULL);
  DRAW(params.struct_size = 0, ALITV_E_ABI, "struct_size");
  DRAW(params.reserved = 1, ALITV_E_ABI, "reserved");
  DRAW(params.event_key = NULL, ALITV_E_NULL, "event_key");
  DRAW(params.event_key = "", ALITV_E_INVALID, "event_key");
  DRAW(params.event_key = too_long, ALITV_E_STRING, "event_key");
  DRAW(params.confirm_key = "a b", ALITV_E_INVALID, "confirm_key");
  DRAW(params.confirm_key = too_long, ALITV_E_STRING, "confirm_key");
  DRAW(params.behavior_key = "a b", ALITV_E_INVALID, "behavior_key must");
  DRAW(params.behavior_key = too_long, ALITV_E_STRING, "behavior_key");
  DRAW(params.draw_id = "D1", ALITV_E_INVALID, "draw_id must begin with");
  DRAW(params.draw_id = "draw-", ALITV_E_INVALID, "draw_id must begin with");
  DRAW(params.draw_id = "draw-a b", ALITV_E_INVALID, "draw_id must be");
  DRAW(params.draw_id = too_long, ALITV_E_STRING, "draw_id");
  DRAW((params.draw_id_out = id, params.draw_id_out_size = 5), ALITV_E_BUFFER,
       "draw_id_out_size");
  CHECK(strcmp(id, "untouched") == 0);
  EXPECT(alitv_gift_list(NULL, 0, NULL), ALITV_E_NULL);
  EXPECT(alitv_gift_take(NULL, 1, 0, NULL), ALITV_E_NULL);
  EXPECT(alitv_gift_take(client, 0, 0, NULL), ALITV_E_INVALID);
  EXPECT(alitv_gift_take(client, -1, 0, NULL), ALITV_E_INVALID);
  CHECK(strstr(alitv_last_error(), "gift_id is -1"));
}

static void destroyed(void) {
  alitv_client *client = open_client();
  alitv_pay_params params = gems("A");
  const alitv_event *event = NULL;
  alitv_destroy(client);
  alitv_destroy(client);
  EXPECT(alitv_next_event(client, 0, &event), ALITV_E_HANDLE);
  EXPECT(alitv_dispatch(client, 0), ALITV_E_HANDLE);
  EXPECT(alitv_set_callbacks(client, NULL, NULL), ALITV_E_HANDLE);
  EXPECT(alitv_set_wakeup(client, NULL, NULL), ALITV_E_HANDLE);
  EXPECT(alitv_fd(client), ALITV_E_HANDLE);
  EXPECT(alitv_interrupt(client), ALITV_E_HANDLE);
  EXPECT(alitv_pay(client, &params, 0, NULL), ALITV_E_HANDLE);
  EXPECT(alitv_cancel(client, "A", 0, NULL), ALITV_E_HANDLE);
  EXPECT(alitv_query(client, "A", 0, NULL), ALITV_E_HANDLE);
  EXPECT(alitv_ack(client, "A", 1, 0, NULL), ALITV_E_HANDLE);
  EXPECT(alitv_orders(client, 0, 0, 0, NULL), ALITV_E_HANDLE);
  EXPECT(alitv_request(client, "status", NULL, 0, NULL), ALITV_E_HANDLE);
  EXPECT(alitv_log_switch(client, 0), ALITV_E_HANDLE);
  EXPECT(alitv_is_auth(client), ALITV_E_HANDLE);
  EXPECT(alitv_auth(client, 0, 0, NULL), ALITV_E_HANDLE);
  EXPECT(alitv_auth_cancel(client, 0, NULL), ALITV_E_HANDLE);
  EXPECT(alitv_logout(client, 0, NULL), ALITV_E_HANDLE);
  EXPECT(alitv_user_info(client, 0, NULL), ALITV_E_HANDLE);
  EXPECT(alitv_pay_from_server(client, &params, 0, NULL), ALITV_E_HANDLE);
  EXPECT(alitv_repay(client, NULL, 0, NULL), ALITV_E_HANDLE);
  EXPECT(alitv_web_open(client, NULL, 0, NULL), ALITV_E_HANDLE);
  EXPECT(alitv_web_closed(client, "w", 0, NULL), ALITV_E_HANDLE);
  EXPECT(alitv_lottery_activities(client, NULL, 0, NULL), ALITV_E_HANDLE);
  EXPECT(alitv_lottery_draw(client, NULL, 0, NULL), ALITV_E_HANDLE);
  EXPECT(alitv_gift_list(client, 0, NULL), ALITV_E_HANDLE);
  EXPECT(alitv_gift_take(client, 1, 0, NULL), ALITV_E_HANDLE);
  EXPECT(alitv_get_qr_url(client, too_long, sizeof too_long), ALITV_E_HANDLE);
  EXPECT(alitv_fd((alitv_client *)(void *)&params), ALITV_E_HANDLE);
  EXPECT(alitv_fd((alitv_client *)(void *)too_long), ALITV_E_HANDLE);
}

static void too_many(void) {
  static alitv_client *clients[64];
  alitv_options options;
  alitv_client *one_more = NULL;
  size_t i;
  ALITV_STRUCT_INIT(&options);
  options.socket_path = "/nonexistent/alitv.sock";
  for (i = 0; i < 64; i++) EXPECT(alitv_init(&options, &clients[i]), ALITV_OK);
  EXPECT(alitv_init(&options, &one_more), ALITV_E_LIMIT);
  CHECK(one_more == NULL);
  for (i = 0; i < 64; i++) alitv_destroy(clients[i]);
  EXPECT(alitv_init(&options, &one_more), ALITV_OK);
  alitv_destroy(one_more);
}

static void helpers(void) {
  uint8_t modules[ALITV_QR_SIZE_MAX];
  uint32_t side = 0;
  EXPECT(alitv_qr_encode("", modules, sizeof modules, &side), ALITV_E_STRING);
  EXPECT(alitv_qr_encode(too_long, modules, sizeof modules, &side), ALITV_E_STRING);
  EXPECT(alitv_qr_encode("https://qr.alipay.com/x", NULL, 0, &side), ALITV_E_BUFFER);
  CHECK(side >= 21 && side <= 177);
  EXPECT(alitv_qr_encode("https://qr.alipay.com/x", modules, side * side, NULL), ALITV_OK);
  CHECK(modules[0] == 1 && modules[8] == 0); /* finder pattern, separator below */
  CHECK(strcmp(alitv_state_name(0), "") == 0 && strcmp(alitv_state_name(99), "unknown") == 0);
  CHECK(!alitv_state_is_final(15) && alitv_state_is_final(31) && !alitv_state_is_final(32));
  CHECK(strcmp(alitv_result_name(-9), "ALITV_E_UNKNOWN") == 0 && *alitv_strerror(-9));
  CHECK(alitv_version_number() == ALITV_VERSION_NUMBER);
  CHECK(strcmp(alitv_version_string(), "0.1.0") == 0);
  CHECK(strcmp(alitv_get_sdk_version(), "ostv_0.1.0.0") == 0);
}

int main(void) {
  alitv_client *client = open_client();
  null_everywhere(client);
  bad_strings(client);
  bad_numbers(client);
  bad_structs(client);
  bad_payments(client);
  bad_accounts(client);
  bad_pages(client);
  bad_awards(client);
  destroyed();
  alitv_destroy(client);
  too_many();
  helpers();
  return 0;
}
