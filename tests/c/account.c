/* Signing in and out: one end for each alitv_auth, whatever way it ends. */
#include "steps.h"

static alitv_client *client;
static int online, codes, successes, errors, cancels, logouts, users, user_errors, replies;
static alitv_op op;
static uint32_t last_from;
static alitv_result last_code;

static void on_event(const alitv_event *event, void *user_data) {
  (void)user_data;
  if (event->kind == ALITV_EVENT_REPLY) replies++;
  if (event->kind == ALITV_EVENT_AUTH || event->kind == ALITV_EVENT_LOGOUT)
    CHECK(event->account && same(event->account->app_key, "23012345"));
  else
    CHECK(!event->account);
}

static void on_init_finish(void *user_data) { (void)user_data, online++; }

static void on_auth_qr(const char *qr_text, uint32_t expires_s, const alitv_event *event,
                       void *user_data) {
  (void)user_data;
  CHECK(same(qr_text, "https://login/1") && expires_s == 180);
  CHECK(event->account->phase == ALITV_AUTH_CODE && same(event->qr_text, qr_text));
  CHECK(same(event->account->attempt, "a1") && event->account->authorise == 0);
  codes++;
}

static void on_auth_success(uint32_t from, const alitv_event *event, void *user_data) {
  (void)user_data;
  CHECK(event->account->state == ALITV_ACCOUNT_AUTHORISED && event->result == ALITV_OK);
  CHECK(same(event->account->user_id, "u1") && event->account->from == from);
  CHECK(event->op == (from == ALITV_AUTH_FROM_CALL ? op : 0));
  last_from = from;
  successes++;
}

static void on_auth_error(alitv_result code, const char *text, const alitv_event *event,
                          void *user_data) {
  (void)user_data;
  CHECK(*text && event->result == code && event->op == op);
  last_code = code;
  errors++;
}

static void on_auth_cancel(const alitv_event *event, void *user_data) {
  (void)user_data;
  CHECK(event->result == ALITV_E_AUTH_CANCELLED && event->op == op);
  CHECK(event->account->result == ALITV_E_AUTH_CANCELLED);
  cancels++;
}

static void on_logout(const alitv_event *event, void *user_data) {
  (void)user_data;
  CHECK(event->account->state == ALITV_ACCOUNT_SIGNED_OUT && !*event->account->user_id);
  logouts++;
}

static void on_user_info(const alitv_user *user, const alitv_event *event, void *user_data) {
  (void)user_data;
  CHECK(event->user == user && event->tag == 5 && event->op == op);
  CHECK(same(user->user_id, "u1") && same(user->nick, "\xe5\xb0\x8f\xe6\x98\x8e"));
  CHECK(same(user->avatar_url, "") && user->has_points == 1 && user->points == 500);
  users++;
}

static void on_user_info_error(alitv_result code, const char *text, const alitv_event *event,
                               void *user_data) {
  (void)user_data;
  CHECK(code == ALITV_E_UNAUTHORIZED && *text && !event->user && event->op == op);
  user_errors++;
}

static void listen(void) {
  alitv_callbacks callbacks;
  ALITV_STRUCT_INIT(&callbacks);
  callbacks.on_event = on_event;
  callbacks.on_init_finish = on_init_finish;
  callbacks.on_auth_qr = on_auth_qr;
  callbacks.on_auth_success = on_auth_success;
  callbacks.on_auth_error = on_auth_error;
  callbacks.on_auth_cancel = on_auth_cancel;
  callbacks.on_logout = on_logout;
  callbacks.on_user_info = on_user_info;
  callbacks.on_user_info_error = on_user_info_error;
  EXPECT(alitv_set_callbacks(client, &callbacks, NULL), ALITV_OK);
}

static void sign_in(void) {
  EXPECT(alitv_is_auth(client), 0);
  EXPECT(alitv_auth(client, 0, 11, &op), 0);
  CHECK(op != 0);
  step(); /* a code */
  DISPATCH_UNTIL(client, codes == 1);
  step(); /* scanned, success */
  DISPATCH_UNTIL(client, successes == 1);
  CHECK(last_from == ALITV_AUTH_FROM_CALL);
  EXPECT(alitv_is_auth(client), 1);
  EXPECT(alitv_auth(client, 0, 12, &op), 1);
  CHECK(op == 0);
}

static void who_plays(void) {
  EXPECT(alitv_user_info(client, 5, &op), ALITV_OK);
  DISPATCH_UNTIL(client, users == 1);
  step(); /* refuses user.info */
  EXPECT(alitv_user_info(client, 5, &op), ALITV_OK);
  DISPATCH_UNTIL(client, user_errors == 1);
}

static void other_ends(void) {
  step(); /* signed out elsewhere; the next attempt will be a2 */
  DISPATCH_UNTIL(client, logouts == 1);
  EXPECT(alitv_is_auth(client), 0);
  EXPECT(alitv_auth(client, ALITV_AUTH_CHANGE_USER, 0, &op), 0);
  step(); /* cancelled; the next attempt will be a3 */
  DISPATCH_UNTIL(client, cancels == 1);
  EXPECT(alitv_auth(client, 0, 0, &op), 0);
  step(); /* out of time; the next one is refused */
  DISPATCH_UNTIL(client, errors == 1);
  CHECK(last_code == ALITV_E_AUTH_EXPIRED);
  EXPECT(alitv_auth(client, 0, 0, &op), 0);
  DISPATCH_UNTIL(client, errors == 2);
  CHECK(last_code == ALITV_E_LIMIT);
}

static void elsewhere(void) {
  step(); /* somebody else's attempt shows a code and fails, another one succeeds */
  DISPATCH_UNTIL(client, successes == 2);
  CHECK(last_from == ALITV_AUTH_FROM_ELSEWHERE);
  EXPECT(alitv_is_auth(client), 1);
  replies = 0;
  EXPECT(alitv_auth_cancel(client, 0, &op), ALITV_OK);
  EXPECT(alitv_logout(client, 0, &op), ALITV_OK);
  DISPATCH_UNTIL(client, replies == 2 && logouts == 2);
}

int main(void) {
  client = open_client();
  listen();
  DISPATCH_UNTIL(client, online == 1);
  sign_in();
  who_plays();
  other_ends();
  elsewhere();
  settle(client);
  CHECK(online == 1 && codes == 1 && successes == 2 && errors == 2 && cancels == 1);
  CHECK(logouts == 2 && users == 1 && user_errors == 1);
  alitv_destroy(client);
  return 0;
}
