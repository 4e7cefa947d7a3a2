//===- Statistics.cpp - Times of many runs, in few numbers --------------===//

#include "lib/run/Statistics.h"

#include <algorithm>
#include <cstdio>

double tenon::run::quantile(const std::vector<double> &sorted, double part) {
  double place = part * static_cast<double>(sorted.size() - 1);
  auto below = static_cast<size_t>(place);
  size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] +
         (place - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

std::string tenon::run::formatTime(double milliseconds) {
  char text[32];
  snprintf(text, sizeof text, milliseconds < 1 ? "%#.3g" : "%.3f",
           milliseconds);
  return text;
}
