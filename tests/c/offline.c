/* No daemon: on_init_error says so, and nothing else happens. */
#include "check.h"

static int errors;

static void on_init_error(alitv_result code, const char *text, void *user_data) {
  CHECK(user_data == NULL && code == ALITV_E_OFFLINE && strstr(text, "nonexistent"));
  errors++;
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
  return 0;
}
