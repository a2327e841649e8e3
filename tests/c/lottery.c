/* Activities and draws: who is called, and who acknowledges. */
#include "steps.h"

static alitv_client *client;
static int lists, list_errors, draws, draw_errors, stored;
static uint32_t last_count;
static alitv_result last_code;
static char last_id[ALITV_ORDER_ID_SIZE];

static void on_activities(const alitv_activity *const *activities, uint32_t count,
                          const alitv_event *event, void *user_data) {
  const alitv_activity *first = activities[0];
  (void)user_data;
  CHECK(event->activities == activities && event->count == count && !activities[count]);
  last_count = count;
  lists++;
  if (!count) return;
  CHECK(same(first->event_key, "wheel") && same(first->name, "\xe8\xbd\xac\xe7\x9b\x98"));
  CHECK(first->lucky_type == ALITV_LUCKY_MIXED && first->consume_amount == 50);
  CHECK(first->access_amount == 1 && same(first->start_time, "2016-01-01 00:00:00"));
  CHECK(first->awards_count == 2 && !first->awards[2]);
  CHECK(same(first->awards[0]->name, "pad") && first->awards[0]->price_fen == 9900);
  CHECK(first->awards[0]->award_type == 7 && first->awards[0]->amount == 1);
  CHECK(same(first->awards[0]->hyperlink_url, "https://shop/1"));
  CHECK(same(first->awards[1]->full_desc, ""));
  CHECK(activities[1]->awards_count == 0 && !activities[1]->awards[0]);
}

static void on_activities_error(alitv_result code, const char *text, const alitv_event *event,
                                void *user_data) {
  (void)user_data;
  CHECK(code == ALITV_E_NETWORK && same(text, "no network") && !event->activities);
  list_errors++;
}

static int on_draw(const alitv_draw *draw, const alitv_event *event, void *user_data) {
  (void)user_data;
  CHECK(event->draw == draw && same(event->order_id, draw->draw_id));
  CHECK(event->sequence == draw->sequence && event->state == draw->state);
  snprintf(last_id, sizeof last_id, "%s", draw->draw_id);
  draws++;
  if (draw->state == ALITV_STATE_LOST) {
    CHECK(!draw->award && draw->points_left == -1 && draw->free_left == 0);
    return 0; /* nothing to store: acknowledged all the same */
  }
  CHECK(draw->state == ALITV_STATE_WON && same(draw->state_name, "won"));
  CHECK(same(draw->award->name, "pad") && same(draw->award->full_desc, "within 15 days"));
  CHECK(draw->points_left == 450 && draw->free_left == -1 && same(draw->user_id, "u1"));
  return stored;
}

static void on_draw_error(alitv_result code, const char *text, const char *draw_id,
                          const alitv_event *event, void *user_data) {
  (void)user_data;
  CHECK(*text && same(event->order_id, draw_id));
  if (code == ALITV_E_DRAW_DENIED)
    CHECK(same(event->draw->gateway_code, "POINTS_NOT_ENOUGH"));
  else
    CHECK(!event->draw);
  snprintf(last_id, sizeof last_id, "%s", draw_id);
  last_code = code;
  draw_errors++;
}

static void on_event(const alitv_event *event, void *user_data) {
  (void)event, (void)user_data;
}

static alitv_callbacks all(void) {
  alitv_callbacks callbacks;
  ALITV_STRUCT_INIT(&callbacks);
  callbacks.on_event = on_event;
  callbacks.on_activities = on_activities;
  callbacks.on_activities_error = on_activities_error;
  callbacks.on_draw = on_draw;
  callbacks.on_draw_error = on_draw_error;
  return callbacks;
}

static void listen(alitv_callbacks callbacks) {
  EXPECT(alitv_set_callbacks(client, &callbacks, NULL), ALITV_OK);
}

static void list(void) {
  EXPECT(alitv_lottery_activities(client, NULL, 0, NULL), ALITV_OK);
  DISPATCH_UNTIL(client, lists == 1);
  CHECK(last_count == 2);
  step(); /* none */
  EXPECT(alitv_lottery_activities(client, "nothing", 0, NULL), ALITV_OK);
  DISPATCH_UNTIL(client, lists == 2);
  CHECK(last_count == 0);
  step(); /* refused */
  EXPECT(alitv_lottery_activities(client, "", 0, NULL), ALITV_OK);
  DISPATCH_UNTIL(client, list_errors == 1);
}

static void draw(const char *draw_id) {
  char id[ALITV_ORDER_ID_SIZE];
  alitv_draw_params params;
  ALITV_STRUCT_INIT(&params);
  params.event_key = "wheel";
  params.confirm_key = "1.ab";
  params.behavior_key = ""; /* none */
  params.draw_id = draw_id;
  params.draw_id_out = id;
  EXPECT(alitv_lottery_draw(client, &params, 0, NULL), ALITV_OK);
  if (draw_id) CHECK(same(id, draw_id));
  CHECK(strncmp(id, "draw-", 5) == 0 && strlen(id) > 20);
}

static void win(void) {
  draw("draw-00000000000000000001");
  step(); /* won */
  DISPATCH_UNTIL(client, draws == 1);
  settle(client);
  step(); /* told again */
  stored = 1;
  DISPATCH_UNTIL(client, draws == 2);
  step(); /* an answer that crossed the ack: no news */
  settle(client);
  CHECK(draws == 2);
}

static void lose_and_fail(void) {
  step(); /* 2 loses, 3 fails */
  DISPATCH_UNTIL(client, draws == 3 && draw_errors == 1);
  CHECK(last_code == ALITV_E_DRAW_DENIED);
  step(); /* draws are refused */
  draw(NULL);
  DISPATCH_UNTIL(client, draw_errors == 2);
  CHECK(last_code == ALITV_E_UNAUTHORIZED && strncmp(last_id, "draw-", 5) == 0);
}

/* Only what nobody could have missed is acknowledged. */
static void without_callbacks(void) {
  alitv_callbacks callbacks = all();
  callbacks.on_draw = NULL;
  callbacks.on_draw_error = NULL;
  listen(callbacks);
  step(); /* 4 wins, 5 loses, 6 fails: on_event sees it, and nothing is acknowledged */
  settle(client);
  callbacks.on_event = NULL;
  listen(callbacks);
  step(); /* 7 wins, 8 loses, 9 fails: 8 and 9 are acknowledged */
  settle(client);
}

int main(void) {
  client = open_client();
  listen(all());
  list();
  win();
  lose_and_fail();
  without_callbacks();
  CHECK(draws == 3 && draw_errors == 2 && lists == 2 && list_errors == 1);
  alitv_destroy(client);
  return 0;
}
