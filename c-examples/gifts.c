/* Gifts: takes everything that waits for the player, and stores each exactly once.
 *
 *   gifts GOODS
 *
 * GOODS is the file that keeps what was given. A gift is taken in two steps: GRANTED reserves
 * it for this box; once the game has stored it and says so, the platform is told that it was
 * given out. A crash in between loses nothing and gives nothing twice: run it again.
 * Uses the daemon; the player must have signed in (see account.c).
 * Exit: 0 there is nothing left to take, 1 some could not be had, 2 trouble. */
#include <stdio.h>
#include <string.h>

#include "alitv_pay.h"
#include "goods.h"

#define GIFTS_MAX 100 /* a list never has more */

struct game {
  alitv_client *client;
  const char *goods_path;
  int64_t asked[GIFTS_MAX]; /* what was asked for and is not settled */
  int asked_count;
  int listed;
  int missed;
  int broken;
};

static void settled(struct game *game, int64_t gift_id) {
  int i;
  for (i = 0; i < game->asked_count; i++)
    if (game->asked[i] == gift_id) game->asked[i] = game->asked[--game->asked_count];
}

static void listed(const alitv_gift *const *gifts, uint32_t count, const alitv_event *event,
                   void *user_data) {
  struct game *game = user_data;
  uint32_t i;
  (void)event;
  game->listed = 1;
  for (i = 0; i < count; i++) {
    if (gifts[i]->status != ALITV_GIFT_PENDING || game->asked_count == GIFTS_MAX) continue;
    if (alitv_gift_take(game->client, gifts[i]->gift_id, 0, NULL) == ALITV_OK) {
      game->asked[game->asked_count++] = gifts[i]->gift_id;
    } else {
      fprintf(stderr, "gifts: %s\n", alitv_last_error());
      game->broken = 1;
    }
  }
}

static void not_listed(alitv_result code, const char *text, const alitv_event *event,
                       void *user_data) {
  struct game *game = user_data;
  (void)event;
  fprintf(stderr, "gifts: %s: %s\n", alitv_result_name(code), text);
  game->broken = 1;
}

/* Also called for a gift that an earlier run was granted and did not store. */
static int granted(const alitv_gift_taking *gift, const alitv_event *event, void *user_data) {
  struct game *game = user_data;
  (void)event;
  if (!goods_store(game->goods_path, gift->id, gift->cp_item_id)) return 0;
  printf("gift %s: %s\n", gift->id, gift->cp_item_id);
  settled(game, gift->gift_id);
  return 1;
}

static void not_granted(alitv_result code, const char *text, int64_t gift_id,
                        const alitv_event *event, void *user_data) {
  struct game *game = user_data;
  (void)text;
  (void)event;
  printf("no gift %ld: %s\n", (long)gift_id, alitv_result_name(code));
  settled(game, gift_id);
  game->missed = 1;
}

static int listen_to(struct game *game) {
  alitv_callbacks callbacks;
  ALITV_STRUCT_INIT(&callbacks);
  callbacks.on_gift_list = listed;
  callbacks.on_gift_list_error = not_listed;
  callbacks.on_gift = granted;
  callbacks.on_gift_error = not_granted;
  return alitv_set_callbacks(game->client, &callbacks, game) == ALITV_OK;
}

int main(int argc, char **argv) {
  struct game game = {0};
  alitv_options options;
  if (argc != 2) {
    fprintf(stderr, "usage: gifts GOODS\n");
    return 2;
  }
  game.goods_path = argv[1];
  ALITV_STRUCT_INIT(&options);
  if (alitv_init(&options, &game.client) != ALITV_OK || !listen_to(&game) ||
      alitv_gift_list(game.client, 0, NULL) != ALITV_OK) {
    fprintf(stderr, "gifts: %s\n", alitv_last_error());
    game.broken = 1;
  }
  while (!game.broken && !(game.listed && game.asked_count == 0))
    if (alitv_dispatch(game.client, 1000) < 0) game.broken = 1;
  alitv_destroy(game.client);
  return game.broken ? 2 : game.missed;
}
