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
  destroyed();
  alitv_destroy(client);
  too_many();
  helpers();
  return 0;
}
