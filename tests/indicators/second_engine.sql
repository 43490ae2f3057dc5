-- Indicators in SQL, written from their methods and not from the code. Before the first code: what they share. day() is
-- the delivery day, area(), province() and people() are what the registry and the register of inhabitants say.
create view load as select * from load_profile
  where local_date = (select max(local_date) from load_profile where local_date < day());
create view quarters as
  select start, timezone('Asia/Bangkok', start) as local_time, sum(kwh)::double as kwh from load group by start;
create view hourly as select * from air_quality where product = 'hourly' and local_date < day();
create view air as select * from hourly where local_date = (select max(local_date) from hourly);
create view modelled as select * from weather where product = 'model' and local_date < day()
  qualify local_date = max(local_date) over ();
create macro station_mean(f) as table
  select avg(m) from (select avg(f) as m from air group by station_id having count(f) >= 18);
create view ozone as select *, avg(o3_ppb) over eight as m, count(*) over eight as n from hourly
  where o3_ppb is not null
  window eight as (partition by station_id order by start range between interval 7 hours preceding and current row);
create view sites as select * from facilities
  where reference_date = (select max(reference_date) from facilities where reference_date <= day());
create view deaths as select year(reference_date) as y, sum(persons) as n from road_casualties
  where outcome = 'death' and months = 1 and area = province()
  group by y having count(persons) = 12 and y < year(day());
create view accidents as select * from road_accidents where year(local_date) < year(day())
  qualify year(local_date) = max(year(local_date)) over ();
create view listing as with told as (select *, (_delivered, _number, _receipt, _row) as turn from datasets),
  latest as (select portal, max_by(listed, turn) as many from told group by portal),
  other as (select portal, max(turn) as last from told join latest using (portal) where listed <> many group by portal)
  select distinct portal, max_by(package, turn) as package from told left join other using (portal)
  where last is null or turn > last group by portal, place;
create view chargers as select * from ev_chargers where coalesce(operational, true)
  and reference_date = (select max(reference_date) from ev_chargers);

-- published_kwh_day
select sum(kwh)::double from load;
-- peak_kw
select 4 * max(kwh) from quarters;
-- load_factor
select avg(kwh) / max(kwh) from quarters;
-- co2_day
select 0.475 * sum(kwh)::double from load;
-- tou_peak_share: no holiday is among the demo's days
select 100 * coalesce(sum(kwh) filter (where isodow(local_time) < 6 and hour(local_time) between 9 and 21), 0) / sum(kwh) from quarters;
-- kwh_per_degree_day
select (select sum(kwh)::double from load) / (avg(temperature_c) - 18.3) from modelled;
-- pm25_mean_day
from station_mean(pm25_ug_m3);
-- pm10_mean_day
from station_mean(pm10_ug_m3);
-- no2_mean_day
from station_mean(no2_ppb);
-- so2_mean_day
from station_mean(so2_ppb);
-- o3_max_8h
select max(m) from (
  select max(m) as m from ozone where n >= 6 and local_date = (select max(local_date) from hourly)
  group by station_id having count(*) >= 18);
-- pm25_thai_class
select case when m > 75 then 5 when m > 37.5 then 4 when m > 25 then 3 when m > 15 then 2 else 1 end
  from (select round(m, 1) as m from station_mean(pm25_ug_m3) as t(m));
-- temperature_mean
select avg(temperature_c) from modelled;
-- cooling_degree_days
select greatest(avg(temperature_c) - 18.3, 0) from modelled;
-- rain_sum
select sum(precipitation_mm) from modelled;
-- registered_population
select persons from population where area_code = area() and sex = 'total' and age_band = 'all'
  and reference_date <= day() order by reference_date desc limit 1;
-- road_deaths
select arg_max(n, y) from deaths;
-- road_deaths_against_before
select 100 * (arg_max(n, y) / avg(n) filter (where y < last and y >= last - 3) - 1)
  from deaths, (select max(y) as last from deaths);
-- state_road_accidents
select count(*) from accidents;
-- state_road_deaths
select sum(deaths) from accidents;
-- road_events_day
select count(*) from road_events where local_date = day() - 1;
-- household_income
select arg_max(baht_month, reference_date) from household_income where measure = 'income';
-- household_expenditure
select arg_max(baht_month, reference_date) from household_income where measure = 'expenditure';
-- hospitals
select count(*) from sites where kind = 'hospital';
-- schools
select count(*) from sites where kind = 'school';
-- police_stations
select count(*) from sites where kind = 'police';
-- fire_stations
select count(*) from sites where kind = 'fire_station';
-- ev_sites
select count(*) from chargers;
-- ev_kw
select sum(total_kw) from chargers;
-- datasets_published
select count(*) from listing a where not exists (
  select * from listing b where a.package = 'gdpublish-' || b.package and a.portal = b.portal);
-- waste_kg_per_head_year
select 1000 * arg_max(value, reference_date)::double / any_value(people()) from city_statistics
  where item like '%ขยะ%เกิดขึ้น%' and is_total and area_level = 'province';
