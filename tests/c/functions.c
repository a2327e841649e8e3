/* One function of the SDK a run, by the name of its command; what comes of it is printed, one
 * callback a line. tests/functions.rs reads that. Exit 0: it ended; 1: it was refused at once. */
#include "check.h"

static int over;  /* what was asked for has ended */
static int ready; /* the engine has answered */

static void print_award(const alitv_award *award) {
  printf(" award=%s type=%s amount=%ld link=%s", award->name, award->type_name,
         (long)award->amount, award->hyperlink_url);
}

/* ---- callbacks ---- */

static void on_init_finish(void *user_data) {
  (void)user_data;
  puts("on_init_finish");
  ready = 1;
}

static void on_init_error(alitv_result code, const char *text, void *user_data) {
  (void)user_data;
  printf("on_init_error %s %s\n", alitv_result_name(code), text);
  over = 1;
}

static void on_auth_qr(const char *qr_text, uint32_t expires_s, const alitv_event *event,
                       void *user_data) {
  (void)user_data;
  printf("on_auth_qr %s %u authorise=%u\n", qr_text, (unsigned)expires_s,
         (unsigned)event->account->authorise);
  fflush(stdout);
}

static void on_auth_success(uint32_t from, const alitv_event *event, void *user_data) {
  (void)user_data;
  printf("on_auth_success from=%u user=%s\n", (unsigned)from, event->account->user_id);
  over = 1;
}

static void on_auth_error(alitv_result code, const char *text, const alitv_event *event,
                          void *user_data) {
  (void)event, (void)user_data;
  printf("on_auth_error %s %s\n", alitv_result_name(code), text);
  over = 1;
}

static void on_auth_cancel(const alitv_event *event, void *user_data) {
  (void)user_data;
  printf("on_auth_cancel %s\n", alitv_result_name(event->result));
  over = 1;
}

static void on_logout(const alitv_event *event, void *user_data) {
  (void)user_data;
  printf("on_logout %s\n", event->account->app_key);
  over = 1;
}

static void on_user_info(const alitv_user *user, const alitv_event *event, void *user_data) {
  (void)event, (void)user_data;
  printf("on_user_info %s nick=%s points=%ld\n", user->user_id, user->nick,
         user->has_points ? (long)user->points : -1L);
  over = 1;
}

static void on_user_info_error(alitv_result code, const char *text, const alitv_event *event,
                               void *user_data) {
  (void)event, (void)user_data;
  printf("on_user_info_error %s %s\n", alitv_result_name(code), text);
  over = 1;
}

static void on_qr(const char *order_id, const char *qr_text, uint32_t expires_s,
                  const alitv_event *event, void *user_data) {
  (void)event, (void)user_data;
  printf("on_qr %s %s %u\n", order_id, qr_text, (unsigned)expires_s);
  fflush(stdout);
}

static int on_pay_success(const char *order_id, const char *title, int64_t amount_fen,
                          const alitv_event *event, void *user_data) {
  (void)user_data;
  printf("on_pay_success %s title=%s amount=%ld interval=%s", order_id, title, (long)amount_fen,
         event->interval_name);
  for (uint32_t i = 0; i < event->awards_count; i++) print_award(event->awards[i]);
  puts("");
  return over = 1;
}

static void on_pay_error(alitv_result code, const char *title, int64_t amount_fen,
                         const char *text, const alitv_event *event, void *user_data) {
  (void)user_data;
  printf("on_pay_error %s %s title=%s amount=%ld %s\n", alitv_result_name(code),
         event->gateway_code, title, (long)amount_fen, text);
  over = 1;
}

static void on_pay_cancel(const char *title, int64_t amount_fen, const alitv_event *event,
                          void *user_data) {
  (void)user_data;
  printf("on_pay_cancel %s title=%s amount=%ld\n", event->state_name, title, (long)amount_fen);
  over = 1;
}

static char page[80];

static void on_web_open(const char *url, const alitv_event *event, void *user_data) {
  (void)user_data;
  printf("on_web_open kind=%u %s\n", (unsigned)event->web->kind, url);
  snprintf(page, sizeof page, "%s", event->web->web_id);
  over = 1;
}

static void on_web_close(const alitv_event *event, void *user_data) {
  (void)user_data;
  printf("on_web_close %s\n", alitv_result_name(event->result));
  over = 1;
}

static void on_activities(const alitv_activity *const *activities, uint32_t count,
                          const alitv_event *event, void *user_data) {
  (void)event, (void)user_data;
  printf("on_activities %u\n", (unsigned)count);
  for (uint32_t i = 0; i < count; i++) {
    const alitv_activity *one = activities[i];
    printf("activity %s lucky=%u costs=%ld free=%ld from=%s", one->event_key,
           (unsigned)one->lucky_type, (long)one->consume_amount, (long)one->access_amount,
           one->start_time);
    for (uint32_t j = 0; j < one->awards_count; j++) print_award(one->awards[j]);
    puts("");
  }
  over = 1;
}

static void on_activities_error(alitv_result code, const char *text, const alitv_event *event,
                                void *user_data) {
  (void)event, (void)user_data;
  printf("on_activities_error %s %s\n", alitv_result_name(code), text);
  over = 1;
}

static int on_draw(const alitv_draw *draw, const alitv_event *event, void *user_data) {
  (void)event, (void)user_data;
  printf("on_draw %s %s points=%ld free=%ld", draw->draw_id, draw->state_name,
         (long)draw->points_left, (long)draw->free_left);
  if (draw->award) print_award(draw->award);
  puts("");
  return over = 1;
}

static void on_draw_error(alitv_result code, const char *text, const char *draw_id,
                          const alitv_event *event, void *user_data) {
  (void)user_data;
  printf("on_draw_error %s %s %s %s\n", alitv_result_name(code), event->gateway_code, draw_id,
         text);
  over = 1;
}

static void on_gift_list(const alitv_gift *const *gifts, uint32_t count, const alitv_event *event,
                         void *user_data) {
  (void)event, (void)user_data;
  printf("on_gift_list %u\n", (unsigned)count);
  for (uint32_t i = 0; i < count; i++) {
    printf("gift %ld %s status=%u\n", (long)gifts[i]->gift_id, gifts[i]->cp_item_id,
           (unsigned)gifts[i]->status);
  }
  over = 1;
}

static void on_gift_list_error(alitv_result code, const char *text, const alitv_event *event,
                               void *user_data) {
  (void)event, (void)user_data;
  printf("on_gift_list_error %s %s\n", alitv_result_name(code), text);
  over = 1;
}

static int on_gift(const alitv_gift_taking *gift, const alitv_event *event, void *user_data) {
  (void)event, (void)user_data;
  printf("on_gift %s %s\n", gift->id, gift->cp_item_id);
  return over = 1;
}

static void on_gift_error(alitv_result code, const char *text, int64_t gift_id,
                          const alitv_event *event, void *user_data) {
  (void)event, (void)user_data;
  printf("on_gift_error %s %ld %s\n", alitv_result_name(code), (long)gift_id, text);
  over = 1;
}

/* Answers that have no callback of their own, and lines of the log. */
static void on_event(const alitv_event *event, void *user_data) {
  (void)user_data;
  if (event->kind == ALITV_EVENT_REPLY) printf("reply %s\n", alitv_result_name(event->result));
  if (event->kind == ALITV_EVENT_LOG) puts("log");
}

static const alitv_callbacks all = {
    .struct_size = sizeof(alitv_callbacks),
    .on_event = on_event,
    .on_init_finish = on_init_finish,
    .on_init_error = on_init_error,
    .on_qr = on_qr,
    .on_pay_success = on_pay_success,
    .on_pay_error = on_pay_error,
    .on_pay_cancel = on_pay_cancel,
    .on_auth_qr = on_auth_qr,
    .on_auth_success = on_auth_success,
    .on_auth_error = on_auth_error,
    .on_auth_cancel = on_auth_cancel,
    .on_logout = on_logout,
    .on_user_info = on_user_info,
    .on_user_info_error = on_user_info_error,
    .on_web_open = on_web_open,
    .on_web_close = on_web_close,
    .on_activities = on_activities,
    .on_activities_error = on_activities_error,
    .on_draw = on_draw,
    .on_draw_error = on_draw_error,
    .on_gift_list = on_gift_list,
    .on_gift_list_error = on_gift_list_error,
    .on_gift = on_gift,
    .on_gift_error = on_gift_error,
};

/* ---- commands ---- */

static alitv_client *client;
static int argc_left;
static char **words;

/* The next argument; "-" and none are NULL. */
static const char *word(void) {
  const char *text = argc_left > 0 ? (argc_left--, *words++) : NULL;
  return text && strcmp(text, "-") == 0 ? NULL : text;
}

static int64_t number(void) {
  const char *text = word();
  return text ? (int64_t)strtoll(text, NULL, 10) : 0;
}

static int refused(int result) {
  printf("refused %s %s\n", alitv_result_name(result), alitv_last_error());
  return 1;
}

static int finish(int result) {
  if (result != ALITV_OK) return refused(result);
  for (int rounds = 0; !over && rounds < LONG_MS / 16; rounds++) {
    CHECK(alitv_dispatch(client, 16) >= 0);
  }
  CHECK(over);
  return 0;
}

/* Calls that answer 1 or 0 at once. */
static int finish_if(int wanted, int answer) {
  printf("answer %d\n", answer);
  if (answer < 0) return refused(answer);
  return answer == wanted ? finish(ALITV_OK) : 0;
}

/* Waits for on_init_finish or on_init_error. */
static int online(void) {
  while (!ready && !over) CHECK(alitv_dispatch(client, LONG_MS) > 0);
  return ready;
}

/* A page or link that is not known yet becomes known soon. */
static int again(int result) {
  if (result != ALITV_E_NOT_READY || !ready) return 0;
  CHECK(alitv_dispatch(client, LONG_MS) > 0);
  return 1;
}

static int init(void) {
  return online() ? 0 : 1;
}

/* Nothing works afterwards, and everything says so. */
static int destroyed(void) {
  alitv_pay_params params = gems(NULL);
  if (!online()) return 1;
  alitv_destroy(client);
  EXPECT(alitv_is_auth(client), ALITV_E_HANDLE);
  EXPECT(alitv_auth(client, 0, 0, NULL), ALITV_E_HANDLE);
  EXPECT(alitv_pay(client, &params, 0, NULL), ALITV_E_HANDLE);
  EXPECT(alitv_gift_list(client, 0, NULL), ALITV_E_HANDLE);
  EXPECT(alitv_dispatch(client, 0), ALITV_E_HANDLE);
  puts("destroyed");
  return 0;
}

static int version(void) {
  puts(alitv_get_sdk_version());
  return 0;
}

/* Off there is nothing; switched on, the connection has something to say. */
static int logging(void) {
  EXPECT(alitv_log_switch(client, 99), ALITV_E_INVALID);
  EXPECT(alitv_log_switch(client, ALITV_LOG_DEBUG), ALITV_OK);
  return init();
}

/* Before the engine has answered: cached answers say that nothing is known. */
static int early(void) {
  char url[ALITV_QR_URL_SIZE];
  alitv_web_params params;
  ALITV_STRUCT_INIT(&params);
  params.kind = ALITV_WEB_START;
  EXPECT(alitv_is_auth(client), 0);
  EXPECT(alitv_web_open(client, &params, 0, NULL), ALITV_E_NOT_READY);
  EXPECT(alitv_get_qr_url(client, url, sizeof url), ALITV_E_NOT_READY);
  EXPECT(alitv_user_info(client, 0, NULL), ALITV_OK);
  puts("early");
  return 0;
}

static int is_auth(void) {
  if (!online()) return 1;
  printf("answer %d\n", alitv_is_auth(client));
  return 0;
}

static int auth(void) {
  const char *change = word();
  if (!online()) return 1;
  return finish_if(0, alitv_auth(client, change ? ALITV_AUTH_CHANGE_USER : 0, 0, NULL));
}

/* Answers with a REPLY and nothing else. */
static int reply(int result) {
  const alitv_event *event = NULL;
  if (result != ALITV_OK) return refused(result);
  event = await_kind(client, ALITV_EVENT_REPLY);
  printf("reply %s\n", alitv_result_name(event->result));
  return 0;
}

static int auth_cancel(void) {
  return online() ? reply(alitv_auth_cancel(client, 0, NULL)) : 1;
}

static int logout(void) {
  return online() ? finish(alitv_logout(client, 0, NULL)) : 1;
}

static int user(void) {
  return finish(alitv_user_info(client, 0, NULL));
}

static alitv_pay_params payment(void) {
  alitv_pay_params params;
  ALITV_STRUCT_INIT(&params);
  params.order_id = word();
  params.title = word();
  params.amount_fen = number();
  params.subject_id = word();
  params.notify_url = word();
  return params;
}

static int pay(void) {
  alitv_pay_params params = payment();
  return finish(alitv_pay(client, &params, 0, NULL));
}

static int pay_from_server(void) {
  alitv_pay_params params = payment();
  return finish(alitv_pay_from_server(client, &params, 0, NULL));
}

/* A second one while the first is on screen. */
static int pay_twice(void) {
  alitv_pay_params params = payment(), second = gems(NULL);
  EXPECT(alitv_pay(client, &params, 0, NULL), ALITV_OK);
  return refused(alitv_pay(client, &second, 0, NULL));
}

static int repay(void) {
  int64_t prices_fen[13];
  alitv_repay_params params;
  ALITV_STRUCT_INIT(&params);
  params.order_id = word();
  params.title = word();
  params.subject = word();
  params.interval = (uint32_t)number();
  params.notify_url = word();
  while (argc_left > 0 && params.prices_len < 13) prices_fen[params.prices_len++] = number();
  params.prices_fen = prices_fen;
  return finish(alitv_repay(client, &params, 0, NULL));
}

/* Opens a page, which the player closes. */
static int web(void) {
  const char *key, *value;
  alitv_web_params params;
  int answer;
  ALITV_STRUCT_INIT(&params);
  params.kind = (uint32_t)number();
  key = word();
  value = word();
  params.keys = &key;
  params.values = &value;
  params.params_len = key != NULL;
  if (!online()) return 1;
  /* Not the page that another client has opened. */
  over = 0;
  page[0] = 0;
  do {
    answer = alitv_web_open(client, &params, 0, NULL);
  } while (again(answer));
  if (finish_if(1, answer) != 0) return 1;
  if (page[0] == 0) return 0;
  over = 0;
  return finish(alitv_web_closed(client, page, 0, NULL));
}

static int web_closed(void) {
  const char *web_id = word();
  return online() ? reply(alitv_web_closed(client, web_id, 0, NULL)) : 1;
}

static int activities(void) {
  return finish(alitv_lottery_activities(client, word(), 0, NULL));
}

static int draw(void) {
  alitv_draw_params params;
  ALITV_STRUCT_INIT(&params);
  params.event_key = word();
  params.draw_id = word();
  params.confirm_key = word();
  params.behavior_key = word();
  return finish(alitv_lottery_draw(client, &params, 0, NULL));
}

static int gift_list(void) {
  return finish(alitv_gift_list(client, 0, NULL));
}

static int gift_take(void) {
  return finish(alitv_gift_take(client, number(), 0, NULL));
}

static int qr_url(void) {
  char url[ALITV_QR_URL_SIZE];
  int result;
  if (!online()) return 1;
  do {
    result = alitv_get_qr_url(client, url, sizeof url);
  } while (again(result));
  if (result != ALITV_OK) return refused(result);
  printf("url %s\n", url);
  if (url[0] != 0) EXPECT(alitv_get_qr_url(client, url, 2), ALITV_E_BUFFER);
  return 0;
}

static const struct {
  const char *name;
  int (*run)(void);
} commands[] = {
    {"init", init},
    {"destroy", destroyed},
    {"version", version},
    {"log", logging},
    {"early", early},
    {"is-auth", is_auth},
    {"auth", auth},
    {"auth-cancel", auth_cancel},
    {"logout", logout},
    {"user", user},
    {"pay", pay},
    {"pay-from-server", pay_from_server},
    {"pay-twice", pay_twice},
    {"repay", repay},
    {"web", web},
    {"web-closed", web_closed},
    {"activities", activities},
    {"draw", draw},
    {"gift-list", gift_list},
    {"gift-take", gift_take},
    {"qr-url", qr_url},
};

int main(int argc, char **argv) {
  alitv_options options;
  int exit_code = 2;
  CHECK(argc >= 2);
  argc_left = argc - 2;
  words = argv + 2;
  ALITV_STRUCT_INIT(&options);
  options.app_key = getenv("APP_KEY");
  EXPECT(alitv_init(&options, &client), ALITV_OK);
  EXPECT(alitv_set_callbacks(client, &all, NULL), ALITV_OK);
  for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
    if (strcmp(commands[i].name, argv[1]) == 0) exit_code = commands[i].run();
  }
  CHECK(exit_code != 2);
  alitv_destroy(client);
  return exit_code;
}
