// A game at 60 frames a second: one alitv_dispatch(client, 0) a frame, which never waits.
//
//   game_tick ORDER_ID AMOUNT_FEN GOODS
//
// Uses the daemon, which may be started later: calls are queued until it is there. Prints the
// longest time that a dispatch took from a frame. Exit: 0 paid, 1 not paid, 2 trouble.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "alitv_pay.h"
#include "goods.h"

namespace {

using Clock = std::chrono::steady_clock;

struct Game {
  const char *order_id = nullptr;
  const char *goods = nullptr;
  bool qr_on_screen = false;
  bool over = false;
  bool bought = false;
};

void on_qr(const char *order_id, const char *qr_text, uint32_t expires_s,
           const alitv_event *, void *user_data) {
  uint8_t modules[177 * 177];
  uint32_t side = 0;
  if (alitv_qr_encode(qr_text, modules, sizeof modules, &side) != ALITV_OK) return;
  static_cast<Game *>(user_data)->qr_on_screen = true;  // a texture of side * side pixels
  std::printf("qr %s %s (%ux%u modules, %u s)\n", order_id, qr_text, unsigned(side),
              unsigned(side), unsigned(expires_s));
  std::fflush(stdout);
}

void on_event(const alitv_event *event, void *user_data) {
  if (event->kind == ALITV_EVENT_ORDER && event->state >= ALITV_STATE_CLOSING &&
      event->state != ALITV_STATE_UNKNOWN)
    static_cast<Game *>(user_data)->qr_on_screen = false;
}

int on_pay_success(const char *order_id, const char *title, int64_t, const alitv_event *,
                   void *user_data) {
  auto *game = static_cast<Game *>(user_data);
  if (!goods_store(game->goods, order_id, title)) return 0;
  std::printf("paid %s\n", order_id);
  if (std::strcmp(order_id, game->order_id) == 0) game->over = game->bought = true;
  return 1;
}

void on_pay_cancel(const char *, int64_t, const alitv_event *event, void *user_data) {
  auto *game = static_cast<Game *>(user_data);
  if (std::strcmp(event->order_id, game->order_id) == 0) game->over = true;
}

void on_pay_error(alitv_result code, const char *, int64_t, const char *text,
                  const alitv_event *event, void *user_data) {
  std::printf("%s %s\n", alitv_result_name(code), text);
  auto *game = static_cast<Game *>(user_data);
  if (std::strcmp(event->order_id, game->order_id) == 0) game->over = true;
}

alitv_client *start(Game &game) {
  alitv_options options;
  alitv_callbacks callbacks;
  alitv_client *client = nullptr;
  ALITV_STRUCT_INIT(&options);
  if (alitv_init(&options, &client) != ALITV_OK) return nullptr;
  ALITV_STRUCT_INIT(&callbacks);
  callbacks.on_event = on_event;
  callbacks.on_qr = on_qr;
  callbacks.on_pay_success = on_pay_success;
  callbacks.on_pay_cancel = on_pay_cancel;
  callbacks.on_pay_error = on_pay_error;
  if (alitv_set_callbacks(client, &callbacks, &game) == ALITV_OK) return client;
  alitv_destroy(client);
  return nullptr;
}

void play(alitv_client *client, Game &game) {
  const auto frame = std::chrono::microseconds(16667);
  Clock::duration longest{};
  auto next = Clock::now();
  unsigned long frames = 0;
  for (; !game.over; ++frames) {
    const auto before = Clock::now();
    if (alitv_dispatch(client, 0) < 0) break;
    const auto took = Clock::now() - before;
    if (took > longest) longest = took;
    // ... the game draws itself, and the code if game.qr_on_screen ...
    next += frame;
    std::this_thread::sleep_until(next);
  }
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(longest).count();
  std::printf("%lu frames, longest dispatch %ld us\n", frames, static_cast<long>(us));
}

}  // namespace

int main(int argc, char **argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: game_tick ORDER_ID AMOUNT_FEN GOODS\n");
    return 2;
  }
  Game game;
  game.order_id = argv[1];
  game.goods = argv[3];
  alitv_client *client = start(game);
  alitv_pay_params params;
  ALITV_STRUCT_INIT(&params);
  params.order_id = game.order_id;
  params.title = "60 gems";
  params.amount_fen = std::strtoll(argv[2], nullptr, 10);
  if (!client || alitv_pay(client, &params, 0, nullptr) != ALITV_OK) {
    std::fprintf(stderr, "game_tick: %s\n", alitv_last_error());
    alitv_destroy(client);
    return 2;
  }
  play(client, game);
  alitv_destroy(client);
  return game.bought ? 0 : 1;
}
