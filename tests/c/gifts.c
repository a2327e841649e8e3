/* Gifts: listed, granted, stored, acknowledged. */
#include "steps.h"

static alitv_client *client;
static int lists, list_errors, granted, gift_errors, stored;
static uint32_t last_count;
static alitv_result last_code;

static void on_gift_list(const alitv_gift *const *gifts, uint32_t count,
                         const alitv_event *event, void *user_data) {
  (void)user_data;
  CHECK(event->gifts == gifts && event->count == count && !gifts[count]);
  last_count = count;
  lists++;
  if (!count) return;
  CHECK(gifts[0]->gift_id == INT64_C(9007199254740993) && same(gifts[0]->cp_item_id, "gems"));
  CHECK(gifts[0]->status == ALITV_GIFT_PENDING && (event->flags & ALITV_FLAG_MORE));
}

static void on_gift_list_error(alitv_result code, const char *text, const alitv_event *event,
                               void *user_data) {
  (void)user_data;
  CHECK(code == ALITV_E_UNAUTHORIZED && *text && !event->gifts);
  list_errors++;
}

static int on_gift(const alitv_gift_taking *gift, const alitv_event *event, void *user_data) {
  (void)user_data;
  CHECK(event->gift == gift && same(event->order_id, gift->id));
  CHECK(gift->state == ALITV_STATE_GRANTED && event->state == gift->state);
  CHECK(same(gift->cp_item_id, "gems") && same(gift->id, "gift-7") && gift->gift_id == 7);
  granted++;
  return stored;
}

static void on_gift_error(alitv_result code, const char *text, int64_t gift_id,
                          const alitv_event *event, void *user_data) {
  (void)user_data;
  CHECK(*text && (code == ALITV_E_GIFT_TAKEN ? gift_id == 8 : gift_id == 9 && !event->gift));
  last_code = code;
  gift_errors++;
}

int main(void) {
  alitv_callbacks callbacks;
  client = open_client();
  ALITV_STRUCT_INIT(&callbacks);
  callbacks.on_gift_list = on_gift_list;
  callbacks.on_gift_list_error = on_gift_list_error;
  callbacks.on_gift = on_gift;
  callbacks.on_gift_error = on_gift_error;
  EXPECT(alitv_set_callbacks(client, &callbacks, NULL), ALITV_OK);

  EXPECT(alitv_gift_list(client, 0, NULL), ALITV_OK);
  DISPATCH_UNTIL(client, lists == 1);
  CHECK(last_count == 1);
  step(); /* none are left */
  EXPECT(alitv_gift_list(client, 0, NULL), ALITV_OK);
  DISPATCH_UNTIL(client, lists == 2);
  CHECK(last_count == 0);
  step(); /* refused */
  EXPECT(alitv_gift_list(client, 0, NULL), ALITV_OK);
  DISPATCH_UNTIL(client, list_errors == 1);

  EXPECT(alitv_gift_take(client, 7, 0, NULL), ALITV_OK);
  step(); /* granted */
  DISPATCH_UNTIL(client, granted == 1);
  settle(client);
  step(); /* told again */
  stored = 1;
  DISPATCH_UNTIL(client, granted == 2);

  step(); /* gift 8 was taken by another box */
  DISPATCH_UNTIL(client, gift_errors == 1);
  CHECK(last_code == ALITV_E_GIFT_TAKEN);
  step(); /* taking is refused */
  EXPECT(alitv_gift_take(client, 9, 0, NULL), ALITV_OK);
  DISPATCH_UNTIL(client, gift_errors == 2);
  CHECK(last_code == ALITV_E_UNAUTHORIZED);

  callbacks.on_gift = NULL;
  callbacks.on_gift_error = NULL;
  EXPECT(alitv_set_callbacks(client, &callbacks, NULL), ALITV_OK);
  step(); /* 10 is granted, 11 is not: 11 is acknowledged, since nobody wants to know */
  settle(client);
  CHECK(granted == 2 && gift_errors == 2 && lists == 2 && list_errors == 1);
  alitv_destroy(client);
  return 0;
}
