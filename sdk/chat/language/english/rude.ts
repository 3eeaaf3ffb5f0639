/** Insults and threats in English, folded. */
import { list, phrases } from "../lists.ts";
import type { RudeWords } from "../rudeWords.ts";

export const englishRude: RudeWords = {
  insults:
    list(`retarded dumbasses fuck fucking fucked fucker fuckers fuckin motherfucker motherfuckers asshole assholes
      arsehole arseholes bitch bitches bastard bastards shit shitty shite bullshit moron morons dumbass dickhead
      dickheads cunt cunts wanker wankers prick pricks twat twats stfu dipshit jackass scumbag scumbags whore whores
      douchebag fk fck fuk phuck biatch tosser tossers bellend bellends pillock pillocks plonker plonkers arse arses
      numpty numpties knobhead knobheads schmuck schmucks motherfuckin bollocks crap shithead shitheads`),
  swearing: list(`fuck fucking fuckin fk fck fuk shit shitty shite bullshit bollocks crap`),
  shortInsults: [],
  modelWords: [],
  phrases:
    phrases(`stupid machine|stupid bot|stupid robot|dumb bot|dumb machine|go f yourself|f yourself|f you|f u|f off|
      jerk off|bugger you|bloody idiots|bloody idiot|bloody useless|kiss off|piss off|screw you|go to hell|shut up|shut the|
      kiss my|son of a|eat shit|up yours|you suck|you all suck|sod off|bugger off|get stuffed|drop dead|
      pain in the ass`),
  thrown:
    list(`useless stupid dumb liar liars thief thieves idiotic pathetic pig pigs scum crooks crook loser losers trash
      garbage morons imbeciles fools fool muppet muppets donkey donkeys monkey monkeys joker jokers cheat cheats
      scammer scammers fraud frauds rubbish`),
  masked: [],
  throwers:
    phrases(`you are|you re|youre|u r|you are a|you re a|youre a|you are all|you are so|you re all|you are such|bunch of|
      pack of|bunch of fucking|you|stupid|you bunch of|you are just|you lot are|piece of|a bunch of|you absolute|
      you complete|what a`),
  between: list("all so really"),
  alsoThings: list(`pig pigs trash garbage rubbish donkey donkeys monkey monkeys joker jokers`),
  throwersOfThings: phrases(`piece of|what a`),
  aboutSelf: phrases(`i am|i m|i am a|i am so|i m so|i m a|i feel|feel`),
  threats:
    phrases(`i will kill you|i ll kill you|kill you|i will find you|i ll find you|i know where you live|burn your|
      burn down|burn it down|blow up your|you will regret|you ll regret|you will pay for this|you ll pay for this|
      kill yourself|kys|i hope you die|hope you die|go die|beat you up|smash your|break your legs|watch your back|
      come after you|hunt you`),
  innocent: phrases(
    `piece of cake|holy shit|oh shit|shit i|shit happens|mongol empire|dick sporting|moby dick`,
  ),
  spellings: {},
};
